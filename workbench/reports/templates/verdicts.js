// Keeps the verdicts that a reader gives in a report's forms, and hands them out as a file; nothing leaves the page.
"use strict";
{
  const forms = [...document.querySelectorAll("main > .verdict")];
  const bar = document.querySelector(".verdicts");
  const [name, status, button] = ["input", "[role=status]", "button"].map((which) => bar.querySelector(which));
  const PLACE = `radiograph-workbench-verdicts-${bar.dataset.report}`;
  const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_ .@+-]{0,63}$/u; // it names a file
  const NOBODY = "";
  let stored = true;
  let unsaved = false;
  const verdicts = read(); // by reader, then by what is judged
  let before = reader();

  function reader() {
    return name.value.normalize("NFC").trim();
  }

  function read() {
    try {
      const found = JSON.parse(localStorage.getItem(PLACE)) ?? {};
      name.value = localStorage.getItem(`${PLACE}-reader`) ?? "";
      return new Map(Object.entries(found).map(([reader, given]) => [reader, new Map(Object.entries(given))]));
    } catch {
      stored = false; // some browsers keep nothing for files
      return new Map();
    }
  }

  function keep() {
    unsaved = true;
    try {
      const plain = Object.fromEntries([...verdicts].map(([reader, given]) => [reader, Object.fromEntries(given)]));
      localStorage.setItem(PLACE, JSON.stringify(plain));
      localStorage.setItem(`${PLACE}-reader`, reader());
    } catch {
      stored = false;
    }
  }

  const subject = ({ dataset }) => JSON.stringify([dataset.manifest, dataset.weightsSha256, dataset.caseId]);
  const chosen = (form) => form.querySelector("[type=radio]:checked")?.value;

  function given() {
    if (!verdicts.has(reader())) verdicts.set(reader(), new Map());
    return verdicts.get(reader());
  }

  /** Keep what a form says, once it says a verdict. */
  function take(form) {
    const verdict = chosen(form);
    if (!verdict) return;
    const tags = form.querySelector("[name=tags]").value.split(",").map((tag) => tag.trim()).filter(Boolean);
    given().set(subject(form), {
      case_id: form.dataset.caseId, verdict, reviewer: reader(),
      note: form.querySelector("[name=note]").value.trim(), tags: [...new Set(tags)], blind: false,
      at: new Date().toISOString().replace("Z", "+00:00"),
      manifest: form.dataset.manifest, weights_sha256: form.dataset.weightsSha256,
    });
    keep();
    forms.filter((other) => other !== form && subject(other) === subject(form)).forEach(fill);
    say();
  }

  /** Show in a form what this reader has said. */
  function fill(form) {
    const said = given().get(subject(form));
    for (const choice of form.querySelectorAll("[type=radio]")) choice.checked = choice.value === said?.verdict;
    form.querySelector("[name=note]").value = said?.note ?? "";
    form.querySelector("[name=tags]").value = (said?.tags ?? []).join(", ");
  }

  function say() {
    for (const form of forms) {
      const said = given().get(subject(form));
      form.toggleAttribute("data-given", Boolean(said));
      form.querySelector("output").textContent = said ? `kept, ${new Date(said.at).toLocaleString()}` : "";
    }
    const subjects = new Set(forms.map(subject));
    const done = [...given().keys()].filter((each) => subjects.has(each)).length;
    const asked = reader() ? "" : " Please say who you are.";
    const lost = stored ? "" : " This browser keeps nothing: download before you leave.";
    status.textContent = `${done} of ${subjects.size} cases judged.${asked}${lost}`;
    button.disabled = !done;
  }

  /** Whoever gives a name after the first verdicts has given these too. */
  function rename() {
    const first = before === NOBODY;
    if (first && reader() !== NOBODY) {
      for (const [key, said] of verdicts.get(NOBODY) ?? []) given().set(key, { ...said, reviewer: reader() });
      verdicts.delete(NOBODY);
    }
    before = reader();
    keep();
    forms.filter((form) => !first || given().has(subject(form))).forEach(fill); // others may hold half a note
    say();
  }

  function download() {
    if (!NAME.test(reader()) || reader().endsWith(".")) {
      status.textContent = "A name has letters, digits, spaces and . @ + - _, up to 64; please say who you are.";
      name.focus();
      return;
    }
    const lines = [...given().values()].map((said) => `${JSON.stringify({ ...said, reviewer: reader() })}\n`);
    const address = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `verdicts-${reader()}.jsonl`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    unsaved = false;
    say();
  }

  /** A letter chooses, and goes on to the next case without a verdict. */
  function press(event) {
    if (event.target.matches("[type=text]") || event.ctrlKey || event.metaKey || event.altKey) return;
    const form = event.currentTarget;
    const choice = [...form.querySelectorAll("label")].find((label) => label.querySelector("kbd")?.textContent === event.key);
    if (!choice) return;
    event.preventDefault();
    choice.querySelector("input").checked = true;
    take(form);
    const here = forms.indexOf(form);
    const next = [...forms.slice(here + 1), ...forms.slice(0, here)].find((each) => !given().has(subject(each)));
    next?.querySelector("[type=radio]").focus({ preventScroll: true });
    next?.scrollIntoView({ block: "end" });
  }

  forms.forEach((form, place) => {
    for (const choice of form.querySelectorAll("[type=radio]")) choice.name = `verdict-${place}`;
    form.addEventListener("change", () => take(form));
    form.addEventListener("keydown", press);
    form.hidden = false;
    fill(form);
  });
  name.addEventListener("change", rename);
  button.addEventListener("click", download);
  addEventListener("beforeunload", (event) => {
    if (unsaved && !stored) event.preventDefault();
  });
  bar.hidden = false;
  say();
}
