// Runs the script of the page /docs with a document that keeps names and text only, and prints the text that it shows.

const [address] = process.argv.slice(2);
const page = await (await fetch(`${address}/docs`)).text();

class Element {
  constructor(name) {
    this.name = name;
    this.children = [];
  }

  append(...children) {
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = children;
  }

  querySelector(name) {
    return this.children.find((child) => child.name === name);
  }

  get textContent() {
    return this.children.map((child) => child.textContent ?? String(child)).join("");
  }
}

const main = new Element("main");
globalThis.document = {
  createElement: (name) => new Element(name),
  getElementById: (id) => (id === "page" ? main : null),
};
globalThis.location = { hash: "" };
const load = globalThis.fetch;
globalThis.fetch = (path) => load(new URL(path, `${address}/docs`));

const [, script] = page.match(/<script>(.*?)<\/script>/s);
await new Function(`${script.replace(/show\(\);\s*$/, "return show();")}`)();
console.log(main.textContent);
