// Program of an application with RunPod's JavaScript client: it makes every call, and prints what each returned.
// Arguments: the base URL and the key.
import runpodSdk from "runpod-sdk";

const [baseUrl, key] = process.argv.slice(2);
const endpoint = runpodSdk(key, { baseUrl }).endpoint("sdruntime");
const call = (payload) => ({
  input: {
    api: { method: "POST", endpoint: "/sdapi/v1/txt2img" },
    payload: { prompt: "A dog", steps: 2, width: 64, height: 64, seed: 1, ...payload },
  },
});
const slow = call(JSON.parse(process.env.SLOW));
const patience = 20_000;
const report = {};

report.health = await endpoint.health(patience);
report.runSync = await endpoint.runSync(call({}), 60_000);

const job = await endpoint.run(call({}), patience);
report.run = job;
report.statusSync = await endpoint.statusSync(job.id, 60_000);
report.status = await endpoint.status(job.id, patience);
report.stream = [];
for await (const part of endpoint.stream(job.id)) report.stream.push(part);

const running = await endpoint.run(slow, patience);
// The wait of a running job ends before the job does.
report.early = await endpoint.statusSync(running.id, 1_000);
report.cancel = await endpoint.cancel(running.id, patience);
report.purgeQueue = await endpoint.purgeQueue(patience);
report.unknown = await endpoint.statusSync("nothing", 1_000).catch((error) => error.response.status);
console.log("REPORT " + JSON.stringify(report));
