//! The bare side: the same lists and objects in parallel over one connection, the same names of the same servers; nothing is judged.

use std::time::Duration;

use futures::future::{join_all, join3};
use shardctl::cluster::connect::{Target, connect};
use shardctl::net::dns::{Ask, over_port_forward};

/// Lists of the set's namespace.
const OURS: &[&str] = &[
    "/apis/apps/v1/namespaces/{}/statefulsets",
    "/apis/apps/v1/namespaces/{}/controllerrevisions",
    "/api/v1/namespaces/{}/pods?labelSelector=app%3Dshard",
    "/api/v1/namespaces/{}/pods?labelSelector=shardctl.dev%2Fhelper",
    "/api/v1/namespaces/{}/persistentvolumeclaims",
    "/api/v1/namespaces/{}/services",
    "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "/api/v1/namespaces/{}/events",
    "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
];

/// Lists of the cluster.
const THEIRS: &[&str] = &[
    "/api/v1/persistentvolumes",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/storage.k8s.io/v1/volumeattachments",
    "/api/v1/nodes",
    "/api/v1/namespaces/default/events",
    "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/deployments",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
];

/// Objects that are read by their names; where there is none of that name, that is the answer.
const BY_NAME: &[&str] = &[
    "/api/v1/namespaces/{}",
    "/api/v1/namespaces/kube-system/configmaps/coredns",
    "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status",
];

/// Reads and asks, and throws away what came back.
pub fn run(namespace: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let target = Target {
            namespace: Some(namespace.to_owned()),
            request_timeout: Duration::from_secs(30),
            ..Target::default()
        };
        let connection = connect(&target).await.unwrap();
        let names: Vec<String> = (0..super::SHARDS)
            .map(|ordinal| format!("shard-{ordinal}.{}.{namespace}.svc.cluster.local.", "shard-headless"))
            .collect();
        let ask = Ask::new(names, Duration::from_secs(2));
        let ours = OURS.iter().map(|path| path.replace("{}", namespace));
        let paths: Vec<String> = ours.chain(THEIRS.iter().map(|path| (*path).to_owned())).collect();
        let lists = join_all(paths.iter().map(|path| {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            connection.api().list(path, query, |_| None)
        }));
        let named: Vec<String> = BY_NAME.iter().map(|path| path.replace("{}", namespace)).collect();
        let named = join_all(named.iter().map(|path| connection.api().get(path)));
        let client = connection.upgrade_client().unwrap();
        let pods = [crate::cluster::dns::pod_name(0)];
        let asked = over_port_forward(&client, "kube-system", &pods, &ask);
        let (lists, named, questions) = join3(lists, named, asked).await;
        assert!(named.iter().filter(|read| read.is_ok()).count() >= 2);
        for list in lists {
            list.unwrap();
        }
        assert!(
            questions
                .servers
                .iter()
                .all(|server| server.answers.len() == ask.names.len())
        );
    });
    runtime.shutdown_background();
}
