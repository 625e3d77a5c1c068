//! The certificates of one plane: its own authority, the server's certificate, client certificates for any user,
//! and the key pair that signs service account tokens. Made anew for each plane and never stored elsewhere.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::path::Path;

/// Signs everything of one plane.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The authority's own certificate, PEM.
    pub certificate: String,
}

/// A certificate and its private key, both PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its private key (PKCS #8).
    pub key: String,
}

impl Authority {
    /// A new authority with a new key.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("test-cluster-ca", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key for the test authority");
        let certificate = params
            .self_signed(&key)
            .expect("a certificate for the test authority")
            .pem();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// The certificate that the API server and the fake kubelet show.
    pub fn server(&self) -> Signed {
        let names = ["localhost", "127.0.0.1", "10.96.0.1", "kubernetes.default.svc"];
        let mut params = CertificateParams::new(names.map(String::from)).expect("server names");
        params.distinguished_name = name("kube-apiserver", &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// The certificate of a server that is asked for by these names.
    pub fn server_for(&self, names: &[&str]) -> Signed {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("server names");
        params.distinguished_name = name("a-server", &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A client certificate: Kubernetes reads the user from CN and the groups from O.
    pub fn client(&self, user: &str, groups: &[&str]) -> Signed {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(user, groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Signed {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let key = KeyPair::generate().expect("a key for a test certificate");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a signed test certificate")
            .pem();
        Signed {
            certificate,
            key: key.serialize_pem(),
        }
    }
}

impl Signed {
    /// Writes `NAME.crt` and `NAME.key` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) {
        write(folder, &format!("{name}.crt"), &self.certificate);
        write(folder, &format!("{name}.key"), &self.key);
    }
}

/// Writes the pair that signs and checks service account tokens: `sa.key` and `sa.pub`.
pub fn write_service_account_keys(folder: &Path) {
    let key = KeyPair::generate().expect("a key for service accounts");
    write(folder, "sa.key", &key.serialize_pem());
    write(folder, "sa.pub", &key.public_key_pem());
}

fn name(common: &str, organizations: &[&str]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    // rcgen keeps one value a type, which is all that the tests need: one group.
    for organization in organizations {
        name.push(DnType::OrganizationName, *organization);
    }
    name
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
}
