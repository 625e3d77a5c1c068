//! Broken deployments, promotions and cleanups.

use serde_json::{Value, json};

use super::{BUDGET, Mutant, Sent, answer, read};
use crate::crash_points::scene::{SET, SPACE, Scene};

impl Sent {
    /// Whether it only asks what would be.
    fn is_trial(&self) -> bool {
        self.head.uri.query().is_some_and(|query| query.contains("dryRun")) || !self.body["dryRun"].is_null()
    }

    /// Whether it takes the whole set away.
    fn takes_the_set(&self) -> bool {
        self.is("DELETE", "/statefulsets/") && !self.is_trial()
    }
}

fn claim() -> String {
    format!("/api/v1/namespaces/{SPACE}/persistentvolumeclaims/data-{SET}-0")
}

/// All of them.
pub fn mutants() -> Vec<Mutant> {
    vec![
        Mutant {
            name: "makes the set without a budget",
            case: "deploy",
            caught: "is made before db-shard-pdb",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.is("PATCH", BUDGET) && !sent.is_trial() {
                        return Ok(answer(200, &sent.body));
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "ends the pool with shards on it",
            case: "promote",
            caught: "is deleted while pods are on its nodes",
            handle: |sent, taken| {
                Box::pin(async move {
                    if sent.takes_down() && taken == 0 {
                        let pool = "/apis/karpenter.sh/v1/nodepools/db-explore";
                        drop(sent.beside("DELETE", pool, &Value::Null).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "promotes two shards at once",
            case: "promote",
            caught: "is taken down while",
            handle: |sent, taken| {
                Box::pin(async move {
                    if sent.takes_down() && taken == 0 {
                        let other = format!("/api/v1/namespaces/{SPACE}/pods/{}", Scene::pod(0));
                        let found = read(sent.beside("GET", &other, &Value::Null).await?).await;
                        let uid = json!({"preconditions": {"uid": found["metadata"]["uid"]}});
                        drop(sent.beside("DELETE", &other, &uid).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "deletes data that is to stay",
            case: "cleanup",
            caught: "which holds a shard's data, is deleted",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.takes_the_set() {
                        drop(sent.beside("DELETE", &claim(), &Value::Null).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "deletes data before the shards are gone",
            case: "cleanup-data",
            caught: "is deleted while the set or a shard is there",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.takes_the_set() {
                        drop(sent.beside("DELETE", &claim(), &Value::Null).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "deletes what only has the name of the workload's",
            case: "cleanup",
            caught: "isn't ours to change",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.takes_the_set() {
                        let class = "/apis/karpenter.azure.com/v1beta1/aksnodeclasses/db-stable";
                        drop(sent.beside("DELETE", class, &Value::Null).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "cleans up whichever set has the name",
            case: "cleanup",
            caught: "is deleted, whichever of that name it is",
            handle: |mut sent, _| {
                if sent.takes_the_set() {
                    sent.options()["preconditions"] = Value::Null;
                }
                Box::pin(sent.goes())
            },
        },
    ]
}
