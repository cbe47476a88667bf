/** Comparison of the console's types with the API's description: what the API answers is what the console reads. */
import type {
  CreatedUpload, Fleet, ListedTask, RecordedRequest, Runtime, RuntimeOptions, ShownTask, TaskPage, TaskQuery,
} from "./console/api/types.js";
import type { components, operations } from "./openapi.js";

type Schemas = components["schemas"];

export const read: [ListedTask, TaskPage, ShownTask, RecordedRequest, CreatedUpload, { runtimes: Runtime[] }, RuntimeOptions, Fleet] = [
  {} as Schemas["ListedTask"],
  {} as Schemas["TaskPage"],
  {} as Schemas["ShownTask"],
  {} as Omit<Schemas["TaskRequest"], "task"> & { task: RecordedRequest["task"] },
  {} as Schemas["CreatedUpload"],
  {} as Schemas["RuntimeList"],
  {} as Schemas["RuntimeOptions"],
  {} as Schemas["Fleet"],
];
export const written: NonNullable<operations["listTasks"]["parameters"]["query"]> = {} as Omit<TaskQuery, "status">;
