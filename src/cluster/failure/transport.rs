//! From a chain of boxed errors (hyper, rustls, io, exec plugins) to a `Failure`.
//!
//! `io::Error::source()` skips the error that it wraps, which is exactly the rustls one: the walk below doesn't.

use std::error::Error;
use std::io;

use kube::client::AuthError;
use rustls::CertificateError;

use super::{BadCertificate, Failure, quoted};

/// What the chain that starts at `error` means, by the first link that is understood.
pub(crate) fn from_chain(error: &(dyn Error + 'static)) -> Failure {
    let mut link = Some(error);
    let mut last = error;
    while let Some(error) = link {
        if let Some(failure) = understand(error) {
            return failure;
        }
        last = error;
        link = below(error);
    }
    Failure::CutOff {
        why: quoted(&last.to_string()),
    }
}

/// The next link of the chain.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// What one link says by itself.
fn understand(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(failure) = error.downcast_ref::<Unmistakable>() {
        return Some(failure.0.clone());
    }
    if let Some(error) = error.downcast_ref::<AuthError>() {
        return Some(from_auth(error));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return from_tls(error);
    }
    if let Some(error) = error.downcast_ref::<io::Error>()
        && error.get_ref().is_none_or(|inner| !is_informative(inner))
    {
        return from_io(error);
    }
    let text = error.to_string();
    match text.as_str() {
        "dns error" => Some(Failure::Dns {
            why: below(error).map(|cause| quoted(&cause.to_string())).unwrap_or_default(),
        }),
        // hyper's words for bytes that aren't HTTP; its error type isn't ours to name
        "invalid HTTP version parsed" | "invalid HTTP status-code parsed" | "invalid HTTP header parsed" => {
            Some(Failure::NotKubernetes {
                what: "something that isn't HTTP".to_owned(),
            })
        }
        // h2 keeps only the words of the io::Error; rustls' own end in the address of its manual
        _ if text.contains("without sending TLS close_notify") => Some(Failure::CutOff {
            why: "the connection was closed".to_owned(),
        }),
        _ => None,
    }
}

/// Whether what an `io::Error` wraps says more than the kind of the `io::Error` does.
fn is_informative(inner: &(dyn Error + Send + Sync + 'static)) -> bool {
    let inner: &(dyn Error + 'static) = inner;
    inner.is::<rustls::Error>() || inner.is::<Unmistakable>() || inner.source().is_some()
}

fn from_io(error: &io::Error) -> Option<Failure> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Failure::Refused),
        io::ErrorKind::TimedOut => Some(Failure::TimedOut { after: None }),
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::PermissionDenied => Some(Failure::Unreachable {
            why: quoted(&error.to_string()),
        }),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Some(Failure::CutOff {
                why: "the connection was reset".to_owned(),
            })
        }
        io::ErrorKind::UnexpectedEof => Some(Failure::CutOff {
            why: "the connection was closed".to_owned(),
        }),
        _ => None,
    }
}

fn from_tls(error: &rustls::Error) -> Option<Failure> {
    use rustls::{AlertDescription as Alert, Error as Tls};
    Some(match error {
        Tls::InvalidCertificate(why) => Failure::Certificate(from_certificate(why)),
        Tls::AlertReceived(alert) => match alert {
            Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRequired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnsupportedCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied => Failure::Certificate(BadCertificate::OursRefused(format!("{alert:?}"))),
            other => Failure::Unreachable {
                why: format!("the TLS handshake was refused: {other:?}"),
            },
        },
        Tls::InvalidMessage(_) => Failure::NotKubernetes {
            what: "something that isn't TLS (does its address start with http:// instead?)".to_owned(),
        },
        other => Failure::Unreachable {
            why: format!("the TLS handshake failed: {}", quoted(&other.to_string())),
        },
    })
}

fn from_certificate(why: &CertificateError) -> BadCertificate {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => BadCertificate::UnknownIssuer,
        CertificateError::Expired => BadCertificate::Expired { not_after: None },
        CertificateError::ExpiredContext { not_after, .. } => BadCertificate::Expired {
            not_after: Some(not_after.as_secs()),
        },
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => BadCertificate::NotYetValid,
        CertificateError::NotValidForName => BadCertificate::WrongName {
            expected: None,
            presented: Vec::new(),
        },
        CertificateError::NotValidForNameContext { expected, presented } => BadCertificate::WrongName {
            expected: Some(expected.to_str().into_owned()),
            presented: presented.iter().map(|name| presented_name(name)).collect(),
        },
        other => BadCertificate::Other(quoted(&other.to_string())),
    }
}

/// `DnsName("a.example")` is how webpki lists a name; the name is what people look for.
fn presented_name(listed: &str) -> String {
    let inner = listed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    quoted(inner.unwrap_or(listed).trim_matches('"'))
}

/// What kube's credential code says.
pub(crate) fn from_auth(error: &AuthError) -> Failure {
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = if said.trim().is_empty() {
                String::from_utf8_lossy(&out.stdout)
            } else {
                said
            };
            Failure::Auth {
                command: Some(cmd.clone()),
                message: match quoted(&said) {
                    said if said.is_empty() => format!("it ended with {}", out.status),
                    said => format!("it ended with {}: {said}", out.status),
                },
            }
        }
        AuthError::AuthExecStart(error) => Failure::Auth {
            command: Some(String::new()),
            message: match error.kind() {
                io::ErrorKind::NotFound => "it isn't installed, or not on the PATH".to_owned(),
                _ => format!("it can't be started: {error}"),
            },
        },
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => Failure::Auth {
            command: Some(String::new()),
            message: "its output is no ExecCredential with a status".to_owned(),
        },
        AuthError::ReadTokenFile(error, path) => Failure::Auth {
            command: None,
            message: format!("the token file {} can't be read: {error}", path.display()),
        },
        other => Failure::Auth {
            command: None,
            message: quoted(&other.to_string()),
        },
    }
}

/// A failure that was understood where it happened, on its way through layers that only carry boxed errors.
#[derive(Clone, Debug)]
pub(crate) struct Unmistakable(pub Failure);

impl std::fmt::Display for Unmistakable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.reason())
    }
}

impl Error for Unmistakable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("client error (Connect)")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_rustls_error_inside_an_io_error_is_found() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let chain = Outer(io::Error::new(io::ErrorKind::InvalidData, tls));
        assert_eq!(from_chain(&chain), Failure::Certificate(BadCertificate::UnknownIssuer));
    }

    #[test]
    fn io_kinds_are_told_apart() {
        let of = |kind: io::ErrorKind| from_chain(&Outer(io::Error::from(kind)));
        assert_eq!(of(io::ErrorKind::ConnectionRefused), Failure::Refused);
        assert!(matches!(of(io::ErrorKind::ConnectionReset), Failure::CutOff { .. }));
        assert!(matches!(
            of(io::ErrorKind::HostUnreachable),
            Failure::Unreachable { .. }
        ));
        assert_eq!(of(io::ErrorKind::TimedOut), Failure::TimedOut { after: None });
    }

    #[test]
    fn names_of_a_certificate_are_listed_bare() {
        assert_eq!(presented_name("DnsName(\"a.example\")"), "a.example");
        assert_eq!(presented_name("IpAddress(10.0.0.1)"), "10.0.0.1");
        assert_eq!(presented_name("odd"), "odd");
    }

    #[test]
    fn an_exec_plugins_words_are_kept() {
        use std::os::unix::process::ExitStatusExt as _;
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(255 << 8),
            stdout: Vec::new(),
            stderr: b"Error loading SSO Token: expired\n".to_vec(),
        };
        let failure = from_auth(&AuthError::AuthExecRun {
            cmd: "\"aws\" \"eks\"".into(),
            out: Box::new(out),
        });
        let Failure::Auth { message, .. } = failure else {
            unreachable!()
        };
        assert_eq!(
            message,
            "it ended with exit status: 255: Error loading SSO Token: expired"
        );
    }
}
