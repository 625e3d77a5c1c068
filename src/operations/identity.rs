//! Who runs an operation, and what a run is called: for the Lease, the marks, the journal and the Events.

use sha2::{Digest as _, Sha256};

use crate::clock;
use crate::plan::drain::OwnPod;

/// Who runs this: user and host, `anna@laptop`; inside a pod the pod's name is the host's.
pub fn who() -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let user = named("USER").or_else(|| named("LOGNAME")).or_else(|| named("USERNAME"));
    let host = hostname::get()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    match (user, host.is_empty()) {
        (Some(user), false) => format!("{user}@{host}"),
        (Some(user), true) => user,
        (None, false) => host,
        (None, true) => "somebody".to_owned(),
    }
}

/// The namespace of a pod's service account, which the kubelet mounts.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The pod that this runs in; none outside of a cluster, or where nothing says its name.
///
/// A pod's hostname is its name, but for a pod in its node's network: there `POD_NAME` has to say it (the downward API).
pub fn own_pod() -> Option<OwnPod> {
    let filled = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    filled("KUBERNETES_SERVICE_HOST")?;
    let mounted = || std::fs::read_to_string(NAMESPACE_FILE).ok();
    let namespace = filled("POD_NAMESPACE").or_else(mounted)?;
    Some(OwnPod {
        namespace: namespace.trim().to_owned(),
        name: filled("POD_NAME").or_else(|| filled("HOSTNAME"))?,
    })
}

/// A name for a run: `upgrade/shop/db/4f2a9c`. The set is in it, so that what is left on a node can be told from what another
/// set's operation left there.
pub fn run_name(operation: &str, namespace: &str, set: &str) -> String {
    // Told apart from other runs of the same second by the process, and from other machines' by the nanoseconds.
    let seed = format!("{} {}", clock::now().as_nanosecond(), clock::process());
    let digest = Sha256::digest(seed.as_bytes());
    let letters: String = digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    format!("{operation}/{namespace}/{set}/{letters}")
}
