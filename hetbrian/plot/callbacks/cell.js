// A cell was clicked: say what it is, and draw its run if one was kept.
const k = cells.selected.indices[0]
if (k !== undefined) {
  said.text = texts[k]
  for (const picture of pictures) picture.visible = true
  if (time.length > 0) draw_run(k)
}
