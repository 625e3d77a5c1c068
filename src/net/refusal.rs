//! Why the API server would not open a stream into a pod, in words and with what to try next.

use kube::client::UpgradeConnectionError;

use crate::error::{Error, ErrorKind};

/// Words a failed upgrade to a stream. `what` is the beginning of the sentence ("failed to …"), `subresource` the one that
/// was asked for (`portforward`, `exec`).
///
/// The client reads the server's `Status` where there is one; otherwise the status code alone has to do.
pub(super) fn refused(what: &str, subresource: &str, namespace: &str, error: kube::Error) -> Error {
    let (code, words) = match &error {
        kube::Error::Api(status) => (
            status.code,
            format!("the API server answered {}: {}", status.code, status.message),
        ),
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
            (code.as_u16(), format!("the API server answered {code}"))
        }
        other => (0, other.to_string()),
    };
    let error = Error::new(kind(code), format!("{what}: {words}")).because(error);
    match code {
        // The upgrade is a GET, and the server asks for create as well.
        401 | 403 => error
            .hint(format!(
                "$ kubectl auth can-i get pods --subresource={subresource} -n {namespace}"
            ))
            .hint(format!(
                "$ kubectl auth can-i create pods --subresource={subresource} -n {namespace}"
            )),
        _ => error.hint(format!("$ kubectl get pods -n {namespace} -o wide")),
    }
}

fn kind(code: u16) -> ErrorKind {
    match code {
        401 | 403 => ErrorKind::Forbidden,
        _ => ErrorKind::Unreachable,
    }
}
