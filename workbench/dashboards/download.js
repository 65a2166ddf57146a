// Saves what the kernel sends as a file; shows nothing itself.

function saved({ name, type }, bytes) {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function render({ model, el }) {
  el.style.display = "none";
  const heard = (content, buffers) => content.name && saved(content, buffers[0]);
  model.on("msg:custom", heard);
  return () => model.off("msg:custom", heard);
}

export default { render };
