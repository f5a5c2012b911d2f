// Paints an answer of bare pixels (red, green, blue, from top to bottom) on a canvas, and gives what was said about them.

export async function pixels(answer, canvas) {
  const about = JSON.parse(answer.headers.get("x-picture"));
  const from = new Uint8Array(await answer.arrayBuffer());
  const image = new ImageData(about.width, about.height);
  for (let at = 0, to = 0; at < from.length; at += 3, to += 4) {
    image.data[to] = from[at];
    image.data[to + 1] = from[at + 1];
    image.data[to + 2] = from[at + 2];
    image.data[to + 3] = 255;
  }
  if (canvas.width !== about.width || canvas.height !== about.height) Object.assign(canvas, { width: about.width, height: about.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return about;
}
