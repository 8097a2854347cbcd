"""The paper's claims in miniature: experiments that can fail, with paired intervals and verdicts."""
