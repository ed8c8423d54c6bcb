// Another curve or level was chosen: draw the curve, mark the level, say what it is, draw its run if one was kept.
const curve = curves[chosen.value]
slider.end = curve.strengths.length - 1
const level = Math.min(slider.value, slider.end)
slider.title = curve.label
if (drawn.name !== chosen.value) {
  drawn.name = chosen.value
  const points = {level: [], error: [], seed: [], strength: []}
  curve.errors.forEach((errors, i) => errors.forEach((error, j) => {
    points.level.push(i + 0.3 * ((j + 0.5) / errors.length - 0.5))  // side by side
    points.error.push(error)
    points.seed.push(seeds[j])
    points.strength.push(curve.strengths[i])
  }))
  dots.data = points
  medians.data = {level: curve.medians.map((_, i) => i), error: curve.medians}
  axis.axis_label = curve.label
  axis.major_label_overrides = new Map(curve.strengths.map((text, i) => [i, text]))
  axis.ticker.ticks = curve.strengths.map((_, i) => i)
  range.end = slider.end + 0.5
}
marked.location = level
said.text = curve.texts[level]
if (time.length > 0) draw_run(curve.first + level)
