//! Kubeconfig files for the plane and for scenes, with the certificates inside.

use super::certificates::Signed;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The one context of every kubeconfig file here.
pub const CONTEXT: &str = "test";

/// Writes a kubeconfig for `user` at `server` ("https://127.0.0.1:PORT") with `namespace` as the context's own.
pub fn write(path: &Path, server: &str, authority: &str, user: &Signed, namespace: &str) -> PathBuf {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {
            "server": server, "certificate-authority-data": base64(authority.as_bytes()),
        }}],
        "users": [{"name": "user", "user": {
            "client-certificate-data": base64(user.certificate.as_bytes()),
            "client-key-data": base64(user.key.as_bytes()),
        }}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "user", "namespace": namespace}}],
    });
    std::fs::write(path, config.to_string()).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    path.to_owned()
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = (group >> (18 - 6 * position)) & 63;
            text.push(if position <= chunk.len() {
                ALPHABET[index as usize].into()
            } else {
                '='
            });
        }
    }
    text
}
