"""Pictures of the arrays, with matplotlib: landmarks, belief maps, poses, costs, and the way through it all.

Every function draws into the axes that it is given and returns them. Left limbs are blue, right limbs vermilion,
everything else is dark grey; the two hues are told apart with any kind of colour vision (Okabe and Ito's palette).
A 3D pose keeps its proportions, its y axis stands upright, and `azim` walks around it: 0 is the camera's own view
(along -z), 90 a look from the side.
"""

from lifting.drawing.plots.bones import COLOURS, Style, bone_paths, bone_sides, draw_bones, visible_bones
from lifting.drawing.plots.curves import draw_comparisons, draw_cost
from lifting.drawing.plots.photos import BELIEF_COLOURS, draw_belief, draw_beliefs_on_photo, draw_landmarks_on_photo
from lifting.drawing.plots.poses import View, draw_pose_2d, draw_pose_3d, frame_3d, look_from, to_plot_axes
from lifting.drawing.plots.way_through import MARKED, ROOMS, draw_way_through
from lifting.drawing.plots.winners import draw_boundaries, draw_jumps

__all__ = [
    "BELIEF_COLOURS",
    "COLOURS",
    "MARKED",
    "ROOMS",
    "Style",
    "View",
    "bone_paths",
    "bone_sides",
    "draw_belief",
    "draw_beliefs_on_photo",
    "draw_bones",
    "draw_boundaries",
    "draw_comparisons",
    "draw_cost",
    "draw_jumps",
    "draw_landmarks_on_photo",
    "draw_pose_2d",
    "draw_pose_3d",
    "draw_way_through",
    "frame_3d",
    "look_from",
    "to_plot_axes",
    "visible_bones",
]
