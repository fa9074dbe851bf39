"""From a step (fetches, feeds, targets) to an executable, pass by pass.

spec         which operations the step needs, and in which order            (shape-independent)
instantiate  a Program of nodes with concrete shapes; known values folded
simplify     equal nodes merged, ops' own rewrites, dead nodes dropped
place        devices chosen, copies between them inserted
layout       views instead of copies where kernels take strides
fuse         elementwise clusters become tile programs, or epilogues of the kernel before them
stages       independent heavy nodes run side by side
memory       one arena, offsets by lifetime, results in place
emit         the C structures that owr_run walks
"""
