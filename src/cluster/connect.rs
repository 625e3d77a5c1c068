//! Connecting: from flags, environment and kubeconfig to a client, without opening a socket.
//!
//! What decides is kubectl's order: `--kubeconfig`, `KUBECONFIG` (a list), `~/.kube/config`, then the pod's service account.

mod client;
mod environment;
mod kubeconfig;
mod paced;
mod proxy;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kube::Config;

use crate::cluster::endpoint::{Credential, Endpoint};
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::error::{Error, ErrorKind, Result};
use environment::Environment;
use kubeconfig::{Files, Selected};

/// Where to connect and as whom: what flags, environment and shardctl.toml say.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `--kubeconfig`: this file and no other; it must exist.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; without it the kubeconfig's current one.
    pub context: Option<String>,
    /// `--namespace`; without it the context's, then "default".
    pub namespace: Option<String>,
    /// `--as`: the user to impersonate, in place of whatever the kubeconfig impersonates.
    pub as_user: Option<String>,
    /// `--as-group`: the groups to impersonate; needs `as_user`.
    pub as_groups: Vec<String>,
    /// `--request-timeout`: how long one read may take, with its retries. Zero is no limit, as in kubectl.
    pub request_timeout: Duration,
}

/// Where the namespace came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceOrigin {
    /// `--namespace`, or the configuration file.
    Flag,
    /// The kubeconfig's context.
    Context,
    /// The pod that shardctl runs in.
    Pod,
    /// Nobody said: "default".
    Default,
}

/// The proxy that leads to a server which isn't the API server, by the environment's variables alone.
///
/// # Errors
/// A proxy variable that holds no address.
pub fn proxy_to(server: &http::Uri) -> Result<Option<http::Uri>> {
    proxy::proxy_for(server, None, &Environment::read())
}

/// A configured way to one API server. A cheap clone; no socket is open until the first request.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    client: kube::Client,
    upgrade: OnceLock<kube::Client>,
    parts: client::Parts,
    api: Api,
    endpoint: Arc<Endpoint>,
    namespace: String,
    namespace_origin: NamespaceOrigin,
    rehearsal: bool,
}

/// How long one read of a rehearsal may take, in its own time.
const REHEARSED: Duration = Duration::from_secs(30);

impl Connection {
    /// A way to a cluster that lives in this process: requests go to `client` and nowhere else.
    pub fn to_a_rehearsal(client: kube::Client, namespace: &str) -> Connection {
        let endpoint = Arc::new(Endpoint {
            server: http::Uri::from_static("http://rehearsal"),
            context: Some("rehearsal".to_owned()),
            ..Endpoint::default()
        });
        Connection {
            inner: Arc::new(Inner {
                api: Api::new(client.clone(), endpoint.clone(), REHEARSED).within_this_process(),
                parts: client::Parts::Stock(client.clone()),
                client,
                upgrade: OnceLock::new(),
                endpoint,
                namespace: namespace.to_owned(),
                namespace_origin: NamespaceOrigin::Flag,
                rehearsal: true,
            }),
        }
    }

    /// Whether it leads to a cluster that lives in this process.
    pub fn is_a_rehearsal(&self) -> bool {
        self.inner.rehearsal
    }

    /// The client for everything but upgrades: over HTTP/2 one connection carries all requests at once.
    pub fn client(&self) -> &kube::Client {
        &self.inner.client
    }

    /// The client for port-forward and exec, which need HTTP/1.1 to upgrade to a WebSocket; made when first asked for.
    ///
    /// # Errors
    /// When the client can't be built.
    pub fn upgrade_client(&self) -> Result<kube::Client> {
        if let Some(client) = self.inner.upgrade.get() {
            return Ok(client.clone());
        }
        let client = self
            .inner
            .parts
            .upgrade_client()
            .map_err(|failure| failure.into_error("set up port-forwarding", &self.inner.endpoint))?;
        Ok(self.inner.upgrade.get_or_init(|| client).clone())
    }

    /// The way to read over the connection that port-forwards and execs are upgraded from: what is read here opens it.
    ///
    /// # Errors
    /// As [`upgrade_client`](Self::upgrade_client).
    pub fn upgrade_api(&self) -> Result<Api> {
        Ok(self.inner.api.over(self.upgrade_client()?))
    }

    /// The way to read.
    pub fn api(&self) -> &Api {
        &self.inner.api
    }

    /// The namespace to work in.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// Where [`namespace`](Self::namespace) came from.
    pub fn namespace_origin(&self) -> NamespaceOrigin {
        self.inner.namespace_origin
    }

    /// The kubeconfig context, if one was used.
    pub fn context(&self) -> Option<&str> {
        self.inner.endpoint.context.as_deref()
    }

    /// The API server's address.
    pub fn server(&self) -> &http::Uri {
        &self.inner.endpoint.server
    }

    /// Whether the pod's own service account is used.
    pub fn in_cluster(&self) -> bool {
        self.inner.endpoint.in_cluster
    }

    /// The server, the user and where they came from, for error messages.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }
}

/// Reads the configuration and builds the client. An exec plugin is run here, once; the first request opens the socket.
///
/// # Errors
/// A context, file or certificate that doesn't exist or can't be read; no configuration at all; a plugin that fails.
pub async fn connect(target: &Target) -> Result<Connection> {
    connect_from(target, Environment::read()).await
}

/// [`connect`] with the process's environment as an argument, for tests.
async fn connect_from(target: &Target, environment: Environment) -> Result<Connection> {
    if target.as_user.is_none() && !target.as_groups.is_empty() {
        return Err(Error::usage("failed to connect: --as-group needs --as").hint("name the user as well: --as USER"));
    }
    let target = target.clone();
    // Files are read and a plugin may ask its question on the terminal: not on the thread that runs everything else.
    tokio::task::spawn_blocking(move || configure(&target, &environment))
        .await
        .map_err(|error| Error::bug(format!("failed to connect: {error}")))?
}

fn configure(target: &Target, environment: &Environment) -> Result<Connection> {
    let files = Files::find(target.kubeconfig.as_deref(), environment);
    let read = files.read()?;
    let chosen = match read {
        Some(ref read) => read.select(target.context.as_deref(), environment.in_pod())?,
        None => None,
    };
    let (mut config, mut endpoint, namespace) = match chosen {
        Some(selected) => from_context(selected, environment)?,
        None if environment.in_pod() && target.context.is_none() && target.kubeconfig.is_none() => {
            from_service_account(environment)?
        }
        None => return Err(files.nothing_found(target.context.as_deref())),
    };
    endpoint.kubeconfig = target.kubeconfig.clone();
    impersonate(&mut config, &mut endpoint, target);
    config.proxy_url = proxy::proxy_for(&config.cluster_url, endpoint.proxy.take(), environment)?;
    endpoint.proxy = config.proxy_url.as_ref().map(proxy::without_password);
    config.default_retry = false;

    let (namespace, namespace_origin) = match (&target.namespace, namespace) {
        (Some(namespace), _) => (namespace.clone(), NamespaceOrigin::Flag),
        (None, Some((namespace, origin))) => (namespace, origin),
        (None, None) => ("default".to_owned(), NamespaceOrigin::Default),
    };
    config.default_namespace = namespace.clone();

    let endpoint = Arc::new(endpoint);
    let (client, parts) = client::build(config).map_err(|failure| failure.into_error("connect", &endpoint))?;
    Ok(Connection {
        inner: Arc::new(Inner {
            api: Api::new(client.clone(), endpoint.clone(), target.request_timeout),
            client,
            upgrade: OnceLock::new(),
            parts,
            endpoint,
            namespace,
            namespace_origin,
            rehearsal: false,
        }),
    })
}

type Configured = (Config, Endpoint, Option<(String, NamespaceOrigin)>);

fn from_context(selected: Selected, environment: &Environment) -> Result<Configured> {
    let mut endpoint = selected.endpoint()?;
    let mut config = selected.config(&endpoint)?;
    // Without a terminal a plugin can't ask anything, and its words can then be kept for the error message
    // (kubectl decides the same for interactiveMode IfAvailable).
    if let Some(exec) = &mut config.auth_info.exec
        && !environment.stdin_is_terminal
        && exec.interactive_mode != Some(kube::config::ExecInteractiveMode::Always)
    {
        exec.interactive_mode = Some(kube::config::ExecInteractiveMode::Never);
    }
    endpoint.proxy = selected.proxy_url()?;
    let namespace = selected
        .namespace()
        .map(|namespace| (namespace, NamespaceOrigin::Context));
    Ok((config, endpoint, namespace))
}

fn from_service_account(environment: &Environment) -> Result<Configured> {
    let config = Config::incluster().map_err(|error| {
        Error::new(
            ErrorKind::File,
            format!("failed to use this pod's service account: {}", innermost(&error)),
        )
        .hint("is automountServiceAccountToken false? then name a kubeconfig with --kubeconfig")
        .because(error)
    })?;
    let endpoint = Endpoint {
        server: config.cluster_url.clone(),
        credential: Credential::ServiceAccount,
        in_cluster: true,
        ..Endpoint::default()
    };
    let namespace = environment
        .pod_namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.trim().to_owned());
    Ok((config, endpoint, Some((namespace, NamespaceOrigin::Pod))))
}

/// `--as` replaces the kubeconfig's impersonation as a whole: one user's groups must not stay with another.
fn impersonate(config: &mut Config, endpoint: &mut Endpoint, target: &Target) {
    let auth = &mut config.auth_info;
    if let Some(user) = &target.as_user {
        auth.impersonate = Some(user.clone());
        auth.impersonate_uid = None;
        auth.impersonate_user_extra = None;
        auth.impersonate_groups = (!target.as_groups.is_empty()).then(|| target.as_groups.clone());
    }
    endpoint.impersonate = auth.impersonate.clone();
    endpoint.impersonate_groups = auth.impersonate_groups.clone().unwrap_or_default();
}

/// The last error of a chain: the one with the system's words.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut link = error;
    while let Some(source) = link.source() {
        link = source;
    }
    link.to_string()
}

/// A `Failure` while the configuration is turned into a client, before there is anything to reach.
fn unusable(why: impl Into<String>) -> Failure {
    Failure::Config(why.into())
}

#[cfg(test)]
mod tests;
