//! Which rights a route test needs: to find the shards and what leads to them, and to open ways into the pods.

use crate::model::resource::Resource;
use crate::model::right::Rule;

/// What the Roles for a route test are called.
pub const ROLE: &str = "shardctl-route-test";

/// What is read.
const READS: [Resource; 6] = [
    Resource::StatefulSets,
    Resource::Pods,
    Resource::Namespace,
    Resource::Budgets,
    Resource::Services,
    Resource::DnsConfig,
];

/// The rules that a route test of a set in `namespace` uses: port-forwards for the shards, commands for names from inside.
pub fn rules(namespace: &str) -> Vec<Rule> {
    let reads = READS
        .into_iter()
        .filter_map(|resource| Rule::to_read(resource, namespace));
    let ways = ["pods/portforward", "pods/exec"].into_iter().flat_map(|resource| {
        // An upgrade over a websocket is a GET, and servers check `create` for it as well.
        ["get", "create"].map(|verb| Rule {
            verb: verb.to_owned(),
            group: String::new(),
            resource: resource.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: None,
        })
    });
    reads.chain(ways).collect()
}
