//! Which API server is spoken to, as whom, and which file said so: what an error message has to name.

use std::path::PathBuf;

use http::Uri;

use crate::model::shell::shell_word;

/// How the API server is told who is asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing: the request is anonymous.
    #[default]
    None,
    /// A bearer token written in the kubeconfig.
    Token,
    /// A bearer token read from a file, again every minute.
    TokenFile(String),
    /// A client certificate.
    Certificate,
    /// User name and password.
    Password,
    /// A program that prints a token or a certificate (`exec` in a kubeconfig).
    Exec {
        /// The program, as the kubeconfig names it.
        command: String,
        /// Its arguments.
        args: Vec<String>,
    },
    /// A legacy `auth-provider`, by name.
    Provider(String),
    /// The token mounted into the pod that shardctl runs in.
    ServiceAccount,
}

/// The API server, the user and the files that named them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The API server's address.
    pub server: Uri,
    /// The kubeconfig context, if one was used.
    pub context: Option<String>,
    /// The kubeconfig user of that context.
    pub user: Option<String>,
    /// How that user proves who it is.
    pub credential: Credential,
    /// The user that is impersonated (`--as`, or `as` in the kubeconfig).
    pub impersonate: Option<String>,
    /// The groups that are impersonated.
    pub impersonate_groups: Vec<String>,
    /// The proxy in between.
    pub proxy: Option<Uri>,
    /// `--kubeconfig`, if it was given: commands that are printed must repeat it.
    pub kubeconfig: Option<PathBuf>,
    /// Whether the address and the token are those of the pod that shardctl runs in.
    pub in_cluster: bool,
}

impl Endpoint {
    /// A kubectl command line that asks the same server as the same user, quoted for a shell.
    /// `as_ourselves` repeats the impersonation.
    pub fn kubectl(&self, arguments: &str, as_ourselves: bool) -> String {
        let mut line = format!("kubectl {arguments}");
        if let Some(file) = &self.kubeconfig {
            line.push_str(&format!(" --kubeconfig {}", shell_word(&file.to_string_lossy())));
        }
        if let Some(context) = &self.context {
            line.push_str(&format!(" --context {}", shell_word(context)));
        }
        if as_ourselves {
            if let Some(user) = &self.impersonate {
                line.push_str(&format!(" --as {}", shell_word(user)));
            }
            for group in &self.impersonate_groups {
                line.push_str(&format!(" --as-group {}", shell_word(group)));
            }
        }
        line
    }

    /// `https://10.0.0.1:6443 (context "prod")`: the server in the middle of a sentence.
    pub fn described(&self) -> String {
        let server = self.server.to_string();
        let server = server.trim_end_matches('/');
        match &self.context {
            Some(context) => format!("{server} (context {context:?})"),
            None if self.in_cluster => format!("{server} (this pod's service account)"),
            None => server.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_line_repeats_what_selects_the_server_and_quotes_it() {
        let endpoint = Endpoint {
            context: Some("it's prod".into()),
            kubeconfig: Some("/tmp/my config".into()),
            impersonate: Some("system:serviceaccount:a:b".into()),
            impersonate_groups: vec!["ops".into()],
            ..Endpoint::default()
        };
        assert_eq!(
            endpoint.kubectl("get ns", true),
            r"kubectl get ns --kubeconfig '/tmp/my config' --context 'it'\''s prod' --as system:serviceaccount:a:b --as-group ops"
        );
        assert_eq!(
            endpoint.kubectl("get ns", false),
            r"kubectl get ns --kubeconfig '/tmp/my config' --context 'it'\''s prod'"
        );
    }
}
