/* A signature: drawn with a finger, a pen or the mouse, sent as a picture with the form. Without scripts one signs on paper. */
"use strict";
(() => {
  const form = document.querySelector("[data-signature]");
  const pad = form?.querySelector("[data-signature-pad]");
  const canvas = pad?.querySelector("canvas");
  const pen = canvas?.getContext("2d");
  if (!pen) return;
  const field = form.elements.signature;
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    field.value = "";
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  };
  let isDown = false;
  canvas.addEventListener("pointerdown", (event) => {
    isDown = true;
    canvas.setPointerCapture(event.pointerId);
    pen.lineWidth = 3;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "#111";
    pen.beginPath();
    pen.moveTo(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!isDown) return;
    pen.lineTo(...at(event));
    pen.stroke();
  });
  const lift = () => {
    if (!isDown) return;
    isDown = false;
    field.value = canvas.toDataURL("image/png");
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  pad.querySelector("[data-signature-clear]").addEventListener("click", clear);
  const kept = field.value;
  clear();
  if (kept.startsWith("data:image/png;base64,")) {
    const image = new Image();
    image.addEventListener("load", () => {
      pen.drawImage(image, 0, 0);
      field.value = kept;
    });
    image.src = kept;
  }
  pad.hidden = false;
})();
