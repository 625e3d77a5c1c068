//! Kubeconfig: which files, merged how, which context.
//!
//! kube reads and merges the files (relative paths inside count from the file's folder); the choice of files, the checks
//! and the words are here, because kube stops at the first missing file of `KUBECONFIG` and lets a context name a user
//! that isn't there.

use std::path::{Path, PathBuf};

use k8s_openapi::ByteString;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Context, ExecAuthCluster, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::environment::Environment;
use crate::cluster::endpoint::{Credential, Endpoint};
use crate::error::{Error, ErrorKind, Result};

/// The kubeconfig files to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// `--kubeconfig`: it must exist.
    Flag(PathBuf),
    /// `KUBECONFIG`: those that exist, the first wins.
    List(Vec<PathBuf>),
    /// `~/.kube/config`.
    Home(PathBuf),
    /// No home folder.
    None,
}

impl Files {
    /// Which files count.
    pub fn find(flag: Option<&Path>, environment: &Environment) -> Self {
        if let Some(path) = flag {
            return Files::Flag(path.to_owned());
        }
        let listed: Vec<PathBuf> = environment
            .kubeconfig
            .iter()
            .flat_map(std::env::split_paths)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        if !listed.is_empty() {
            return Files::List(listed);
        }
        match &environment.home {
            Some(home) => Files::Home(home.join(".kube").join("config")),
            None => Files::None,
        }
    }

    /// Reads and merges them; `None` when none exists.
    ///
    /// # Errors
    /// A file that can't be read or parsed, or `--kubeconfig` with a file that doesn't exist.
    pub fn read(&self) -> Result<Option<Read>> {
        let (paths, must_exist): (&[PathBuf], bool) = match self {
            Files::Flag(path) => (std::slice::from_ref(path), true),
            Files::List(paths) => (paths, false),
            Files::Home(path) => (std::slice::from_ref(path), false),
            Files::None => (&[], false),
        };
        let mut merged: Option<Kubeconfig> = None;
        let mut used = Vec::new();
        for path in paths {
            let next = match Kubeconfig::read_from(path) {
                Ok(next) => next,
                Err(KubeconfigError::ReadConfig(error, _))
                    if error.kind() == std::io::ErrorKind::NotFound && !must_exist =>
                {
                    continue;
                }
                Err(error) => return Err(unreadable(path, error)),
            };
            merged = Some(match merged {
                None => next,
                Some(first) => first.merge(next).map_err(|error| unreadable(path, error))?,
            });
            used.push(path.clone());
        }
        Ok(merged.map(|kubeconfig| Read { kubeconfig, used }))
    }

    /// The error for no configuration anywhere.
    pub fn nothing_found(&self, context: Option<&str>) -> Error {
        let looked = match self {
            Files::Flag(path) | Files::Home(path) => format!("{} doesn't exist", path.display()),
            Files::List(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                format!("KUBECONFIG names {}, which doesn't exist", paths.join(" and "))
            }
            Files::None => "there is no home folder".to_owned(),
        };
        let wanted = context
            .map(|context| format!(" for context {context:?}"))
            .unwrap_or_default();
        Error::usage(format!(
            "failed to find a kubeconfig{wanted}: {looked}, and this isn't a pod with a service account"
        ))
        .hint("name the file with --kubeconfig FILE or in KUBECONFIG")
        .hint("no cluster at hand? `shardctl demo` rehearses on one that lives in this process")
    }
}

fn unreadable(path: &Path, error: KubeconfigError) -> Error {
    let why = match &error {
        KubeconfigError::ReadConfig(error, _) if error.kind() == std::io::ErrorKind::NotFound => {
            "it doesn't exist".to_owned()
        }
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        // The first line has the place and the cause; the others draw the file's own text.
        KubeconfigError::Parse(error) => {
            let words = error.to_string();
            let first = words.lines().next().unwrap_or_default();
            crate::cluster::failure::quoted(first.strip_prefix("error: ").unwrap_or(first))
        }
        other => other.to_string(),
    };
    Error::new(
        ErrorKind::File,
        format!("failed to read the kubeconfig {}: {why}", path.display()),
    )
    .because(error)
}

/// The merged kubeconfig.
pub(super) struct Read {
    kubeconfig: Kubeconfig,
    used: Vec<PathBuf>,
}

/// One context with its cluster and user.
#[derive(Debug)]
pub(super) struct Selected {
    name: String,
    context: Context,
    cluster: Cluster,
    auth: AuthInfo,
    files: String,
}

impl Read {
    fn files(&self) -> String {
        let paths: Vec<String> = self.used.iter().map(|path| path.display().to_string()).collect();
        paths.join(", ")
    }

    /// The context called `wanted`, or the current one. `None` when the files select nothing and the pod can be used.
    ///
    /// # Errors
    /// A context, cluster or user that doesn't exist; no current context.
    pub fn select(&self, wanted: Option<&str>, in_pod: bool) -> Result<Option<Selected>> {
        let names: Vec<&str> = self
            .kubeconfig
            .contexts
            .iter()
            .map(|context| context.name.as_str())
            .collect();
        let current = self
            .kubeconfig
            .current_context
            .as_deref()
            .filter(|name| !name.is_empty());
        let Some(name) = wanted.or(current) else {
            if in_pod {
                return Ok(None);
            }
            let error = Error::usage(format!(
                "failed to choose a context: {} has no current-context",
                self.files()
            ));
            return Err(list_contexts(error, &names, "choose one with --context NAME"));
        };
        let context = self.kubeconfig.contexts.iter().find(|context| context.name == name);
        let Some(context) = context.and_then(|context| context.context.clone()) else {
            let origin = if wanted.is_some() { "" } else { "the current-context " };
            let error = Error::usage(format!("failed to find {origin}context {name:?} in {}", self.files()));
            let error = match nearest(name, &names) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error,
            };
            return Err(list_contexts(error, &names, "choose another with --context NAME"));
        };
        let cluster = self
            .kubeconfig
            .clusters
            .iter()
            .find(|cluster| cluster.name == context.cluster)
            .and_then(|cluster| cluster.cluster.clone())
            .ok_or_else(|| self.dangling(name, "cluster", &context.cluster))?;
        let auth = match context.user.as_deref().filter(|user| !user.is_empty()) {
            None => AuthInfo::default(),
            Some(user) => self
                .kubeconfig
                .auth_infos
                .iter()
                .find(|auth| auth.name == user)
                .map(|auth| auth.auth_info.clone().unwrap_or_default())
                .ok_or_else(|| self.dangling(name, "user", user))?,
        };
        Ok(Some(Selected {
            name: name.to_owned(),
            context,
            cluster,
            auth,
            files: self.files(),
        }))
    }

    fn dangling(&self, context: &str, kind: &str, name: &str) -> Error {
        Error::new(
            ErrorKind::File,
            format!(
                "failed to use context {context:?}: its {kind} {name:?} isn't in {}",
                self.files()
            ),
        )
        .hint("$ kubectl config view")
    }
}

impl Selected {
    /// The server and the user, for error messages and for the choice of a client.
    pub fn endpoint(&self) -> Result<Endpoint> {
        let Some(server) = self.cluster.server.as_deref().filter(|server| !server.is_empty()) else {
            return Err(self.invalid(format!("its cluster {:?} has no server", self.context.cluster)));
        };
        // client-go takes a bare host:port for http
        let address = if server.contains("://") {
            server.to_owned()
        } else {
            format!("http://{server}")
        };
        let server: http::Uri = address
            .parse()
            .map_err(|error| self.invalid(format!("its server {server:?} is no address: {error}")))?;
        if server.host().is_none_or(str::is_empty) || !matches!(server.scheme_str(), Some("http" | "https")) {
            return Err(self.invalid(format!("its server {server} is no http:// or https:// address")));
        }
        Ok(Endpoint {
            server,
            context: Some(self.name.clone()),
            user: self.context.user.clone().filter(|user| !user.is_empty()),
            credential: self.credential(),
            ..Endpoint::default()
        })
    }

    /// kube's configuration for it. Proxy and impersonation flags aren't in it yet.
    pub fn config(&self, endpoint: &Endpoint) -> Result<Config> {
        let mut config = Config::new(endpoint.server.clone());
        config.root_cert = self.authorities()?;
        config.accept_invalid_certs = self.cluster.insecure_skip_tls_verify.unwrap_or(false);
        config.disable_compression = self.cluster.disable_compression.unwrap_or(false);
        config.tls_server_name = self.cluster.tls_server_name.clone().filter(|name| !name.is_empty());
        config.auth_info = self.auth.clone();
        if let Some(exec) = &mut config.auth_info.exec
            && exec.provide_cluster_info
        {
            let cluster = ExecAuthCluster::try_from(&self.cluster).map_err(|error| self.invalid(error.to_string()))?;
            exec.cluster = Some(cluster);
        }
        Ok(config)
    }

    /// `proxy-url` of the cluster.
    pub fn proxy_url(&self) -> Result<Option<http::Uri>> {
        match self.cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) {
            None => Ok(None),
            Some(url) => url
                .parse()
                .map(Some)
                .map_err(|error| self.invalid(format!("its proxy-url isn't an address: {error}"))),
        }
    }

    /// The context's namespace.
    pub fn namespace(&self) -> Option<String> {
        self.context.namespace.clone().filter(|namespace| !namespace.is_empty())
    }

    /// The certificates to trust, in DER; `None` is the system's own. The data wins over the file, as in client-go.
    fn authorities(&self) -> Result<Option<Vec<Vec<u8>>>> {
        let data = self
            .cluster
            .certificate_authority_data
            .as_deref()
            .filter(|data| !data.is_empty());
        let file = self
            .cluster
            .certificate_authority
            .as_deref()
            .filter(|file| !file.is_empty());
        let (pem, from) = match (data, file) {
            (Some(data), _) => {
                let text = serde_json::Value::String(data.to_owned());
                let ByteString(pem) = serde_json::from_value(text)
                    .map_err(|_| self.invalid("its certificate-authority-data isn't base64"))?;
                (pem, "certificate-authority-data".to_owned())
            }
            (None, Some(file)) => {
                let pem = std::fs::read(file).map_err(|error| {
                    self.invalid(format!("its certificate-authority {file} can't be read: {error}"))
                })?;
                (pem, format!("certificate-authority {file}"))
            }
            (None, None) => return Ok(None),
        };
        let certificates: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(&pem)
            .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| self.invalid(format!("its {from} isn't PEM: {error}")))?;
        if certificates.is_empty() {
            return Err(self.invalid(format!("its {from} holds no certificate")));
        }
        Ok(Some(certificates))
    }

    /// In the order in which kube tries them.
    fn credential(&self) -> Credential {
        let auth = &self.auth;
        if let Some(provider) = &auth.auth_provider {
            Credential::Provider(provider.name.clone())
        } else if auth.username.is_some() && auth.password.is_some() {
            Credential::Password
        } else if auth.token.is_some() {
            Credential::Token
        } else if let Some(file) = &auth.token_file {
            Credential::TokenFile(file.clone())
        } else if let Some(exec) = &auth.exec {
            Credential::Exec {
                command: exec.command.clone().unwrap_or_default(),
                args: exec.args.clone().unwrap_or_default(),
            }
        } else if auth.client_certificate.is_some() || auth.client_certificate_data.is_some() {
            Credential::Certificate
        } else {
            Credential::None
        }
    }

    fn invalid(&self, why: impl std::fmt::Display) -> Error {
        Error::new(
            ErrorKind::File,
            format!("failed to use context {:?} of {}: {why}", self.name, self.files),
        )
    }
}

/// The name that was probably meant.
fn nearest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    let close = |name: &&str| strsim::jaro_winkler(typed, name);
    let best = names.iter().copied().max_by(|a, b| close(a).total_cmp(&close(b)))?;
    (close(&best) > 0.7).then_some(best)
}

/// Adds the contexts to choose from.
fn list_contexts(error: Error, names: &[&str], advice: &str) -> Error {
    /// More than this many names fill a screen and help nobody.
    const SHOWN: usize = 20;
    if names.is_empty() {
        return error.hint("the kubeconfig has no contexts");
    }
    let mut listed = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        listed.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    error.hint(format!("contexts: {listed}")).hint(advice)
}

#[cfg(test)]
mod tests;
