// Program of an application with OpenAI's JavaScript client: it makes every call, and prints what each returned.
// Arguments: the base URL and the key.
import OpenAI, { toFile } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const small = { model: "sdruntime", size: "64x64", n: 2, response_format: "b64_json" };
const report = {};

report.models = (await client.models.list()).data.map((model) => model.id);
report.generate = await client.images.generate({ ...small, prompt: "A dog", steps: 2 });
const picture = Buffer.from(report.generate.data[0].b64_json, "base64");
const image = () => toFile(picture, "picture.png", { type: "image/png" });
const mask = await toFile(Buffer.from(process.env.MASK, "base64"), "mask.png", { type: "image/png" });
report.edit = await client.images.edit({ ...small, image: await image(), mask, prompt: "A hat" });
report.variation = await client.images.createVariation({ ...small, image: await image() });
report.events = [];
const stream = await client.images.generate({ ...small, n: 1, prompt: "A dog", stream: true, partial_images: 1 });
for await (const event of stream) report.events.push(event.type);
report.refused = await client.images
  .generate({ ...small, model: "gpt-image-9", prompt: "A dog" })
  .catch((error) => ({ name: error.constructor.name, status: error.status, param: error.param, code: error.code }));
console.log("REPORT " + JSON.stringify(report));
