/** Workflow of ComfyUI: the graph in a file or a text, and its literal inputs, which the form shows as fields. */
import { TEXT } from "../strings.js";

/**
 * @typedef {string | number | boolean} Literal
 * @typedef {{class_type: string, inputs: Record<string, unknown>, _meta?: {title?: string}}} WorkflowNode
 * @typedef {Record<string, WorkflowNode>} Workflow
 * @typedef {{name: string, label: string, value: Literal}} LiteralInput `name` is that of the field of the form.
 * @typedef {{id: string, title: string, inputs: LiteralInput[]}} NodeFields
 */

/** Raised for a text that is no workflow in ComfyUI's API format; the message says why. */
export class NoWorkflow extends Error {}

/**
 * @param {string} text
 * @returns {Workflow}
 */
export function readWorkflow(text) {
  let graph;
  try {
    graph = JSON.parse(text);
  } catch (error) {
    throw new NoWorkflow(TEXT.create.workflow.noJson(/** @type {Error} */ (error).message));
  }
  // A request of the API holds the graph as its content.
  graph = graph?.task?.content ?? graph;
  if (Array.isArray(graph?.nodes)) throw new NoWorkflow(TEXT.create.workflow.saved);
  const nodes = graph && typeof graph === "object" && !Array.isArray(graph) ? Object.values(graph) : [];
  if (!nodes.length || !nodes.every(isNode)) throw new NoWorkflow(TEXT.create.workflow.noGraph);
  return graph;
}

/** @param {any} node */
function isNode(node) {
  return typeof node?.class_type === "string" && typeof node.inputs === "object" && node.inputs !== null;
}

/** @param {Workflow} workflow @returns {NodeFields[]} Nodes that have a text, a number or a choice among their inputs. */
export function literalsOf(workflow) {
  return Object.entries(workflow)
    .map(([id, node]) => ({
      id,
      title: node._meta?.title || node.class_type,
      inputs: Object.entries(node.inputs)
        .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value))
        .map(([label, value]) => ({ name: nameOfInput(id, label), label, value: /** @type {Literal} */ (value) })),
    }))
    .filter(({ inputs }) => inputs.length);
}

/** @param {string} id @param {string} input @returns {string} Name of the field, which is the end of the input's path. */
function nameOfInput(id, input) {
  return `${id}.inputs.${input}`;
}

/** @param {string} path Path of a field, as the API names it. @returns {string | undefined} Name of the field of an input. */
export function fieldOfInput(path) {
  return /^task\.content\.(.+\.inputs\..+)$/.exec(path)?.[1];
}

/**
 * @param {Workflow} workflow
 * @param {string} id
 * @param {string} input
 * @param {Literal} value
 * @returns {Workflow} The workflow with another value of an input.
 */
export function withLiteral(workflow, id, input, value) {
  const node = workflow[id];
  return { ...workflow, [id]: { ...node, inputs: { ...node.inputs, [input]: value } } };
}
