// Another group was chosen: show its cells, among which the slider walks.
chosen.group = cb_obj.value
walk.end = order[cb_obj.value].length - 1
walk.value = Math.min(walk.value, walk.end)
