//! A `Failure` in words: a clause for "unknown: …", and an `Error` with what to do next.

use super::{BadCertificate, Failure, Missing};
use crate::cluster::endpoint::{Credential, Endpoint};
use crate::error::{Error, ErrorKind};
use crate::model::shell::shell_word;

impl Failure {
    /// A clause, lowercase and without a full stop, for "unknown: …".
    pub fn reason(&self) -> String {
        match self {
            Failure::Forbidden(denied) => {
                let place = match (&denied.path, &denied.namespace) {
                    (Some(_), _) => String::new(),
                    (None, Some(namespace)) => format!(" in namespace/{namespace}"),
                    (None, None) => " in the whole cluster".to_owned(),
                };
                let group = if denied.group.is_empty() {
                    String::new()
                } else {
                    format!(".{}", denied.group)
                };
                format!(
                    "user {:?} may not {} {}{group}{place}",
                    denied.user,
                    denied.verb,
                    denied.resource_and_subresource()
                )
            }
            Failure::Unauthorized { .. } => "the API server doesn't accept the credentials".to_owned(),
            Failure::NotFound { what, .. } => match what {
                Missing::Namespace(name) => format!("namespace/{name} doesn't exist"),
                Missing::Object { resource, name } => format!("{resource}/{name} doesn't exist"),
                Missing::Resource(what) if what.is_empty() => "the API server doesn't serve this resource".to_owned(),
                Missing::Resource(what) => format!("the API server doesn't serve {what}"),
            },
            Failure::TimedOut { after: Some(after) } => format!("no answer within {}", span(after.as_millis())),
            Failure::TimedOut { after: None } => "no answer in time".to_owned(),
            Failure::Refused => "connection refused".to_owned(),
            Failure::Dns { why } if why.is_empty() => "its host name isn't known".to_owned(),
            Failure::Dns { why } => format!("its host name isn't known: {why}"),
            Failure::Unreachable { why } => why.clone(),
            Failure::Certificate(bad) => certificate(bad),
            Failure::NotKubernetes { what } => format!("it answered not as Kubernetes but with {what}"),
            Failure::Server {
                code, reason, message, ..
            } => match (reason.is_empty(), message.is_empty()) {
                (_, true) => format!("the API server answered {code} {reason}").trim_end().to_owned(),
                (true, false) => format!("the API server answered {code}: {message}"),
                (false, false) => format!("the API server answered {code} {reason}: {message}"),
            },
            Failure::CutOff { why } => format!("the connection was cut off: {why}"),
            Failure::Config(why) => why.clone(),
            Failure::Auth {
                command: Some(_),
                message,
            } => format!("the credential plugin failed: {message}"),
            Failure::Auth { command: None, message } => message.clone(),
        }
    }

    /// An error for the person at the keyboard. `doing` completes "failed to …" ("list the pods in namespace/db").
    pub fn into_error(self, doing: &str, endpoint: &Endpoint) -> Error {
        let reason = self.reason();
        let reach = format!("failed to reach the API server at {}: {reason}", endpoint.described());
        let error = match &self {
            Failure::Forbidden(denied) => {
                let error = Error::new(ErrorKind::Forbidden, format!("failed to {doing}: {reason}"));
                if denied.user == "system:anonymous" {
                    // A rule for everybody on the network is not what anyone wants.
                    let error =
                        error.hint("the server saw no credentials that it knows: it took us for the anonymous user");
                    renew(error, endpoint)
                } else {
                    let role = if denied.namespace.is_some() {
                        "Role"
                    } else {
                        "ClusterRole"
                    };
                    error
                        .hint(format!(
                            "this rule in a {role}, bound to that user, would allow it:\n{}",
                            denied.rule()
                        ))
                        .hint(format!("$ {}", endpoint.kubectl(&denied.can_i(), true)))
                }
            }
            Failure::Unauthorized { .. } => renew(
                Error::new(
                    ErrorKind::Forbidden,
                    format!(
                        "failed to {doing}: the API server at {} doesn't accept the credentials of {} (expired?)",
                        endpoint.server.to_string().trim_end_matches('/'),
                        who(endpoint)
                    ),
                ),
                endpoint,
            ),
            Failure::NotFound { what, .. } => {
                let error = Error::new(ErrorKind::Usage, format!("failed to {doing}: {reason}"));
                match what {
                    Missing::Namespace(_) => error.hint(format!("$ {}", endpoint.kubectl("get namespaces", true))),
                    Missing::Object { resource, .. } => error.hint(format!(
                        "$ {}",
                        endpoint.kubectl(&format!("get {} --all-namespaces", shell_word(resource)), true)
                    )),
                    Missing::Resource(_) => error.hint(format!("$ {}", endpoint.kubectl("api-resources", true))),
                }
            }
            Failure::TimedOut { .. } => Error::new(
                ErrorKind::Unreachable,
                format!("failed to {doing} at {}: {reason}", endpoint.described()),
            )
            .hint("is a VPN down, or the API server overloaded? a longer time can be given with --request-timeout")
            .hint(format!("$ {}", endpoint.kubectl("get --raw /readyz", true))),
            Failure::Refused | Failure::Dns { .. } | Failure::Unreachable { .. } => {
                unreached(Error::new(ErrorKind::Unreachable, reach), endpoint)
            }
            Failure::Certificate(bad) => distrusted(Error::new(ErrorKind::Unreachable, reach), bad, endpoint),
            Failure::NotKubernetes { .. } => Error::new(ErrorKind::Unreachable, reach)
                .hint("is a proxy or a login page in between, or is the address in the kubeconfig another service's?")
                .hint(format!("$ {}", endpoint.kubectl("get --raw /version", true))),
            Failure::Server { .. } => Error::new(ErrorKind::Unreachable, format!("failed to {doing}: {reason}"))
                .hint(format!("$ {}", endpoint.kubectl("get --raw '/readyz?verbose'", true))),
            Failure::CutOff { .. } => Error::new(
                ErrorKind::Unreachable,
                format!("failed to {doing} at {}: {reason}", endpoint.described()),
            )
            .hint(
                "is the API server restarting, or does a load balancer close connections early? run the command again",
            ),
            Failure::Config(_) => Error::new(ErrorKind::File, format!("failed to {doing}: {reason}")),
            Failure::Auth { command, message } => {
                let what = match command {
                    Some(_) => format!(
                        "the credential plugin {} failed: {message}",
                        plugin_line(endpoint).unwrap_or_else(|| "of the kubeconfig".to_owned())
                    ),
                    None => message.clone(),
                };
                renew(
                    Error::new(
                        ErrorKind::Forbidden,
                        format!("failed to get credentials for {}: {what}", who(endpoint)),
                    ),
                    endpoint,
                )
            }
        };
        error.because(super::transport::Unmistakable(self))
    }
}

/// `user "jo" of context "prod"`.
fn who(endpoint: &Endpoint) -> String {
    let user = match (&endpoint.user, endpoint.in_cluster) {
        (Some(user), _) => format!("user {user:?}"),
        (None, true) => "this pod's service account".to_owned(),
        (None, false) => "the anonymous user".to_owned(),
    };
    match &endpoint.context {
        Some(context) => format!("{user} of context {context:?}"),
        None => user,
    }
}

/// The plugin's command line as it can be copied.
fn plugin_line(endpoint: &Endpoint) -> Option<String> {
    let Credential::Exec { command, args } = &endpoint.credential else {
        return None;
    };
    let words: Vec<String> = std::iter::once(command)
        .chain(args)
        .map(|word| shell_word(word))
        .collect();
    Some(words.join(" "))
}

/// How credentials of this kind are renewed.
fn renew(error: Error, endpoint: &Endpoint) -> Error {
    match &endpoint.credential {
        Credential::Exec { command, args } => {
            let program = command.rsplit(['/', '\\']).next().unwrap_or(command);
            let program = program.strip_suffix(".exe").unwrap_or(program);
            let after = |flag: &[&str]| {
                let value = args.iter().position(|arg| flag.contains(&arg.as_str()));
                value.and_then(|at| args.get(at + 1)).map(|value| shell_word(value))
            };
            let error = match program {
                "aws" | "aws-iam-authenticator" => {
                    let cluster =
                        after(&["--cluster-name", "--cluster-id", "-i"]).unwrap_or_else(|| "CLUSTER".to_owned());
                    let region = after(&["--region"])
                        .map(|region| format!(" --region {region}"))
                        .unwrap_or_default();
                    error
                        .hint("$ aws sts get-caller-identity")
                        .hint(format!("$ aws eks update-kubeconfig --name {cluster}{region}"))
                }
                "kubelogin" if args.iter().any(|arg| arg == "--server-id") => error
                    .hint("$ az login")
                    .hint("$ az aks get-credentials --resource-group GROUP --name CLUSTER"),
                "gke-gcloud-auth-plugin" => error.hint("$ gcloud auth login"),
                _ => error,
            };
            match plugin_line(endpoint) {
                Some(line) => error
                    .hint("the credentials come from this plugin; run it by hand to see what it says")
                    .hint(format!("$ {line}")),
                None => error,
            }
        }
        Credential::Certificate => error.hint("when the client certificate ends:").hint(format!(
            "$ {} | base64 -d | openssl x509 -noout -subject -enddate",
            endpoint.kubectl(
                "config view --minify --flatten --raw -o jsonpath='{.users[0].user.client-certificate-data}'",
                false
            )
        )),
        Credential::Token => {
            error.hint("the token is written in the kubeconfig: get a fresh kubeconfig, or log in again")
        }
        Credential::TokenFile(path) => error.hint(format!("the token is read from {path}: is it being renewed?")),
        Credential::ServiceAccount => {
            error.hint("the token is the one mounted into this pod: was its ServiceAccount deleted?")
        }
        Credential::Password => error.hint("Kubernetes dropped passwords in 1.19; the kubeconfig is an old one"),
        Credential::Provider(name) => error.hint(format!(
            "the auth-provider {name:?} was dropped by Kubernetes; get a fresh kubeconfig"
        )),
        Credential::None => error
            .hint("the context's user has no credentials at all")
            .hint(format!("$ {}", endpoint.kubectl("config view --minify", false))),
    }
}

/// What to look at when the server can't be reached.
fn unreached(error: Error, endpoint: &Endpoint) -> Error {
    let error = if let Some(proxy) = &endpoint.proxy {
        error.hint(format!(
            "the way leads through the proxy {proxy}; NO_PROXY names hosts that need none"
        ))
    } else if is_loopback(endpoint) {
        error.hint("the address is on this machine: is the local cluster, or the tunnel to it, running?")
    } else {
        error.hint("is the cluster running, and is a VPN needed to reach it?")
    };
    if endpoint.in_cluster {
        return error;
    }
    let selects_file = endpoint
        .kubeconfig
        .as_ref()
        .map(|file| format!(" --kubeconfig {}", shell_word(&file.to_string_lossy())));
    error.hint(format!(
        "$ kubectl config get-contexts{}",
        selects_file.unwrap_or_default()
    ))
}

fn is_loopback(endpoint: &Endpoint) -> bool {
    let host = endpoint.server.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What is wrong with a certificate, as a clause.
fn certificate(bad: &BadCertificate) -> String {
    match bad {
        BadCertificate::UnknownIssuer => "its certificate was issued by an authority that isn't trusted".to_owned(),
        BadCertificate::Expired { not_after } => {
            let when = not_after
                .and_then(|seconds| i64::try_from(seconds).ok())
                .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            match when {
                Some(when) => format!("its certificate expired at {when}"),
                None => "its certificate has expired".to_owned(),
            }
        }
        BadCertificate::NotYetValid => "its certificate isn't valid yet (is this machine's clock right?)".to_owned(),
        BadCertificate::WrongName { expected, presented } => {
            let names = match presented.is_empty() {
                true => "other names".to_owned(),
                false => super::quoted(&presented.join(", ")),
            };
            match expected {
                Some(expected) => format!("its certificate is for {names}, not for {expected}"),
                None => format!("its certificate is for {names}"),
            }
        }
        BadCertificate::OursRefused(alert) => format!("it refused our client certificate ({alert})"),
        BadCertificate::Other(why) => format!("its certificate isn't acceptable: {why}"),
    }
}

/// What to do about a certificate.
fn distrusted(error: Error, bad: &BadCertificate, endpoint: &Endpoint) -> Error {
    match bad {
        BadCertificate::UnknownIssuer => error
            .hint("was the cluster made anew under the same address? then the kubeconfig holds the old authority: get a fresh one; or a proxy opens TLS on the way: add its authority to certificate-authority-data")
            .hint(format!("$ {}", endpoint.kubectl("config view --minify", false))),
        BadCertificate::Expired { .. } => error.hint("the API server's own certificate has to be renewed by whoever runs it (kubeadm: `kubeadm certs renew apiserver`)"),
        BadCertificate::WrongName { presented, .. } => match presented.first().filter(|_| endpoint.context.is_some()) {
            Some(name) => {
                let error = error.hint("if that is the right server behind a tunnel or another name, say which name its certificate has");
                error.hint(format!(
                    "$ {}",
                    endpoint.kubectl(&format!("config set-cluster CLUSTER --tls-server-name={}", shell_word(name)), false)
                ))
            }
            None => error.hint("is the address in the kubeconfig the cluster's?"),
        },
        BadCertificate::OursRefused(_) => renew(error, endpoint),
        BadCertificate::NotYetValid => error.hint("$ date -u"),
        BadCertificate::Other(_) => error,
    }
}

/// Milliseconds as a person says them.
fn span(milliseconds: u128) -> String {
    if milliseconds < 1000 || !milliseconds.is_multiple_of(1000) {
        format!("{milliseconds} ms")
    } else {
        format!("{} s", milliseconds / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Denied;
    use super::*;

    fn endpoint(credential: Credential) -> Endpoint {
        Endpoint {
            server: http::Uri::from_static("https://api.example:6443"),
            context: Some("prod".into()),
            user: Some("jo".into()),
            credential,
            ..Endpoint::default()
        }
    }

    fn denied(user: &str) -> Failure {
        let message = format!(
            "pods is forbidden: User \"{user}\" cannot list resource \"pods\" in API group \"\" in the namespace \"db\""
        );
        Failure::Forbidden(Box::new(
            Denied::parse(&message, None).expect("the authorizer's sentence"),
        ))
    }

    #[test]
    fn a_refusal_shows_the_rule_and_the_question_to_ask() {
        let error = denied("jo").into_error("list the pods", &endpoint(Credential::Token));
        assert_eq!(
            error.message(),
            "failed to list the pods: user \"jo\" may not list pods in namespace/db"
        );
        assert!(error.hints()[0].ends_with("\n- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"list\"]"));
        assert_eq!(error.hints()[1], "$ kubectl auth can-i list pods -n db --context prod");
    }

    #[test]
    fn nobody_is_told_to_give_rights_to_the_anonymous_user() {
        let error = denied("system:anonymous").into_error("list the pods", &endpoint(Credential::None));
        assert!(!error.hints().join("\n").contains("apiGroups"), "{:?}", error.hints());
        assert_eq!(
            error.hints().last().map(String::as_str),
            Some("$ kubectl config view --minify --context prod")
        );
    }

    #[test]
    fn credentials_that_do_not_count_are_named_with_how_to_renew_them() {
        let refused = || Failure::Unauthorized {
            message: "Unauthorized".into(),
        };
        let azure = Credential::Exec {
            command: "/usr/local/bin/kubelogin".into(),
            args: vec!["get-token".into(), "--server-id".into(), "6dae".into()],
        };
        let error = refused().into_error("list the pods", &endpoint(azure));
        assert_eq!(
            error.message(),
            "failed to list the pods: the API server at https://api.example:6443 doesn't accept the credentials of user \"jo\" of context \"prod\" (expired?)"
        );
        assert_eq!(error.hints()[0], "$ az login");
        assert_eq!(
            error.hints().last().map(String::as_str),
            Some("$ /usr/local/bin/kubelogin get-token --server-id 6dae")
        );
        let other = Credential::Exec {
            command: "kubelogin".into(),
            args: vec!["get-token".into(), "--oidc-issuer-url=https://idp".into()],
        };
        let hints = refused()
            .into_error("list the pods", &endpoint(other))
            .hints()
            .join("\n");
        assert!(
            !hints.contains("$ az "),
            "another program of the same name isn't Azure's: {hints}"
        );
        let hints = refused()
            .into_error("list the pods", &endpoint(Credential::Certificate))
            .hints()
            .join("\n");
        assert!(hints.contains("openssl x509 -noout -subject -enddate"), "{hints}");
        assert!(!hints.contains("client-key"), "{hints}");
    }

    #[test]
    fn a_timeout_names_the_time_that_was_given() {
        let failure = Failure::TimedOut {
            after: Some(std::time::Duration::from_secs(30)),
        };
        let error = failure.into_error("list the pods", &endpoint(Credential::Token));
        assert_eq!(
            error.message(),
            "failed to list the pods at https://api.example:6443 (context \"prod\"): no answer within 30 s"
        );
    }
}
