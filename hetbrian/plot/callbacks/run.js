// Draw run k: its output against the target, several outputs above each other, and the spikes that were kept.
function draw_run(k) {
  const lines = {time: [], z: [], y: []}
  const n_outputs = y.length / time.length
  for (let o = 0; o < n_outputs; o++) {
    for (let t = 0; t < time.length; t++) {
      lines.time.push(time[t])
      lines.z.push(z[(k * time.length + t) * n_outputs + o] + o * apart)
      lines.y.push(y[t * n_outputs + o] + o * apart)
    }
    for (const name in lines) lines[name].push(NaN)  // where the pen is lifted
  }
  output.data = lines
  const spikes = {time: [], neuron: []}
  for (let t = 0; t < fired.length && t < time.length; t++) {
    const bits = fired[k * time.length + t]
    for (let neuron = 0; neuron < 16; neuron++) {
      if (bits >> neuron & 1) {
        spikes.time.push(time[t])
        spikes.neuron.push(neuron)
      }
    }
  }
  raster.data = spikes
}
