//! What the process's environment says about connecting, read once.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// The variables and facts that decide where to connect.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    /// `KUBECONFIG`, unsplit.
    pub kubeconfig: Option<OsString>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// `HTTPS_PROXY`, else `https_proxy`.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`, else `http_proxy`: for a server at a http:// address.
    pub http_proxy: Option<String>,
    /// `NO_PROXY`, else `no_proxy`.
    pub no_proxy: Option<String>,
    /// `KUBERNETES_SERVICE_HOST`: the kubelet sets it in every pod.
    pub service_host: Option<String>,
    /// `POD_NAMESPACE`, which client-go reads before the mounted file.
    pub pod_namespace: Option<String>,
    /// Whether a credential plugin could ask the user something.
    pub stdin_is_terminal: bool,
}

impl Environment {
    /// The environment of this process.
    pub fn read() -> Self {
        let filled = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let either = |upper: &str| filled(upper).or_else(|| filled(&upper.to_ascii_lowercase()));
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            home: std::env::home_dir(),
            https_proxy: either("HTTPS_PROXY"),
            http_proxy: either("HTTP_PROXY"),
            no_proxy: either("NO_PROXY"),
            service_host: filled("KUBERNETES_SERVICE_HOST"),
            pod_namespace: filled("POD_NAMESPACE"),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }

    /// Whether shardctl runs in a pod.
    pub fn in_pod(&self) -> bool {
        self.service_host.is_some()
    }
}
