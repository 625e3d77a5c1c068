//! TLS with an entry: whom to trust, which name its certificate must have, and what went wrong in words.

use std::io;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::broken;
use super::{Limit, in_ms};
use crate::error::Error;
use crate::model::route::answer::Failed;
use crate::model::route::failure::Failure;
use crate::model::route::wire::{Http, Manner, Trust};

/// TLS as a run speaks it. No session is taken up again: every handshake is a whole one.
pub(super) struct Tls {
    connector: TlsConnector,
    http: Http,
}

impl Tls {
    /// # Errors
    /// No certificate can be read where some are to be trusted.
    pub(super) fn new(manner: &Manner) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::bug(format!("failed to set TLS up: {error}")))?;
        let mut config = match &manner.trust {
            Trust::System => match builder.with_native_roots() {
                Ok(builder) => builder.with_no_client_auth(),
                // Without any, no certificate is trusted, and each handshake says so; plain HTTP goes on.
                Err(_) => trusting(provider, RootCertStore::empty())?,
            },
            Trust::Authorities(pem) => builder.with_root_certificates(authorities(pem)?).with_no_client_auth(),
            Trust::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider.signature_verification_algorithms)))
                .with_no_client_auth(),
        };
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![match manner.http {
            Http::One => b"http/1.1".to_vec(),
            Http::Two => b"h2".to_vec(),
        }];
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            http: manner.http,
        })
    }

    /// Agrees on TLS over `stream` with whoever `host` is (a port after it doesn't count).
    pub(super) async fn agree<S>(&self, stream: S, host: &str, limit: Limit) -> Result<TlsStream<S>, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = name_of(host);
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| Failed::new(Failure::Tls, format!("{name} is no name that a certificate could have")))?;
        let stream = match timeout_at(limit.until, self.connector.connect(server, stream)).await {
            Err(_) => {
                let words = format!("TLS wasn't agreed on within {}", in_ms(limit.whole));
                return Err(Failed::new(Failure::ConnectTimeout, words));
            }
            Ok(Err(error)) => return Err(not_agreed(&error)),
            Ok(Ok(stream)) => stream,
        };
        if self.http == Http::Two && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(Failed::new(Failure::Tls, "the server doesn't offer HTTP/2"));
        }
        Ok(stream)
    }
}

fn trusting(provider: Arc<CryptoProvider>, roots: RootCertStore) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::bug(format!("failed to set TLS up: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| Error::usage(format!("failed to read the certificates to trust: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| Error::usage(format!("failed to trust a certificate: {error}")))?;
    }
    if roots.is_empty() {
        return Err(Error::usage(
            "failed to read the certificates to trust: there is none in PEM",
        ));
    }
    Ok(roots)
}

/// The name in `host:port` or `[address]:port`.
pub(super) fn name_of(host: &str) -> &str {
    if let Some(address) = host.strip_prefix('[') {
        return address.split(']').next().unwrap_or(address);
    }
    match host.split_once(':') {
        // An IPv6 address without brackets has more of them.
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

fn not_agreed(error: &io::Error) -> Failed {
    let broken = broken(error);
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => Failed::new(Failure::Tls, format!("TLS wasn't agreed on: {tls}")),
        None => Failed::new(broken.class, format!("TLS wasn't agreed on: {}", broken.words)),
    }
}

/// Whose certificate isn't looked at; that its owner has the key is.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_port_is_no_part_of_the_name() {
        for (host, name) in [
            ("shop.example.com", "shop.example.com"),
            ("shop.example.com:8443", "shop.example.com"),
            ("10.0.0.1:8443", "10.0.0.1"),
            ("[fd00::1]:8443", "fd00::1"),
            ("fd00::1", "fd00::1"),
        ] {
            assert_eq!(name_of(host), name, "{host}");
        }
    }
}
