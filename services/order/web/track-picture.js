// Makes a picture small enough to send: phones take some megabytes, a review needs what fits on a screen.

// The gateway takes bodies of 256 KiB, and base64 makes four bytes of three.
export const BYTES_MOST = 180_000;
const SIDES = [1600, 1280, 1024, 800, 640, 480, 320];
const QUALITIES = [0.86, 0.72, 0.58];

function drawn(picture, side, quality) {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  // A JPEG has no transparency: what shines through is white, as paper is.
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

// A JPEG of at most BYTES_MOST, upright, and without anything but the image: place and camera stay on the phone.
// The best quality of the largest size that fits; rejects what the browser cannot read as a picture.
export async function shrunk(file) {
  const picture = await createImageBitmap(file);
  try {
    for (const side of SIDES) {
      for (const quality of QUALITIES) {
        const blob = await drawn(picture, side, quality);
        if (blob && blob.size <= BYTES_MOST) return blob;
      }
    }
  } finally {
    picture.close();
  }
  throw new Error("no size of this picture is small enough");
}

export function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error);
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(blob);
  });
}
