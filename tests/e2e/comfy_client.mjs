// Program of an application with Comfy-Org's JavaScript client: it makes every call, and prints what each returned.
// Arguments: the key and the file of a picture. COMFY_BASE_URL names the runtime.
import { Comfy } from "@comfyorg/sdk";

const [apiKey, picture] = process.argv.slice(2);
const client = new Comfy({ apiKey });
const report = {};

const workflow = client.workflows.fromJson(JSON.parse(process.env.WORKFLOW));
workflow.setInput("1", "image", client.assets.fromFile(picture));
const job = await client.submit(workflow);
report.submitted = job.status;
await job.result();
report.status = job.status;
const [output] = job.getOutputs("3");
report.output = { name: output.name, type: output.type, size: output.sizeBytes };
report.bytes = Buffer.from(await output.toBytes()).toString("base64");
report.again = (await client.jobs.get(job.id)).status;
report.events = [];
for await (const event of job.events()) report.events.push(event);
report.cancelled = (await job.cancel()).status;
report.workflow = (await job.getWorkflow()).format;
report.refused = await client
  .submit(client.workflows.fromJson({ 1: { class_type: "Nope", inputs: {} } }))
  .catch((error) => ({ name: error.constructor.name, code: error.code }));
console.log("REPORT " + JSON.stringify(report));
