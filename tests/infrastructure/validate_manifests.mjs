// Validates Karpenter's and KEDA's objects, a JSON list on standard input, by the models that npm has of their CRDs.
// Prints a JSON list with the complaint about each of them, or null.

import { NodePool } from "@kubernetes-models/karpenter/karpenter.sh/v1/NodePool";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import { TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication";

const models = { NodePool, ScaledObject, TriggerAuthentication };

let input = "";
for await (const chunk of process.stdin) input += chunk;

const complaints = JSON.parse(input).map((manifest) => {
  try {
    new models[manifest.kind](manifest).validate();
    return null;
  } catch (error) {
    return String(error.message ?? error);
  }
});
process.stdout.write(JSON.stringify(complaints));
