//! The few requests that the test cluster itself makes, in plain JSON, for kinds known at compile time and for those
//! that are not (Karpenter's). Everything goes through one `kube::Client` without retries: tests want the answer that
//! the server gave.

use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Client, Resource};
use serde_json::Value;

/// Kinds without a namespace that scenes use by name only.
const CLUSTER_KINDS: [&str; 18] = [
    "APIService",
    "Namespace",
    "Node",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "CSINode",
    "CSIDriver",
    "VolumeAttachment",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "NodePool",
    "NodeClaim",
    "KWOKNodeClass",
    "AKSNodeClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// Says at compile time whether a kind lives in a namespace.
pub trait Scope {
    /// True for a kind that lives in a namespace.
    const NAMESPACED: bool;
}
impl Scope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}
impl Scope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

/// The path of all objects of kind `K`; `namespace` is left out for a kind without one.
pub fn path_of<K>(namespace: &str) -> String
where
    K: Resource<DynamicType = ()>,
    K::Scope: Scope,
{
    K::url_path(&(), <K::Scope as Scope>::NAMESPACED.then_some(namespace))
}

/// The path of all objects of a kind named at run time.
pub fn path_of_kind(api_version: &str, kind: &str, namespace: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind_ref = kube::core::GroupVersionKind::gvk(group, version, kind);
    let plural = kube::core::ApiResource::from_gvk(&kind_ref).plural;
    let root = if group.is_empty() { "/api" } else { "/apis" };
    let place = if CLUSTER_KINDS.contains(&kind) {
        String::new()
    } else {
        format!("/namespaces/{namespace}")
    };
    format!("{root}/{api_version}{place}/{plural}")
}

/// One request; `body` empty for none.
pub async fn send(client: &Client, method: &str, path: &str, content_type: &str, body: Vec<u8>) -> kube::Result<Value> {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", content_type)
        .body(body)
        .expect("a well-formed request");
    client.request(request).await
}

/// GET.
pub async fn get(client: &Client, path: &str) -> kube::Result<Value> {
    send(client, "GET", path, "application/json", Vec::new()).await
}

/// POST.
pub async fn create(client: &Client, path: &str, object: &Value) -> kube::Result<Value> {
    send(client, "POST", path, "application/json", object.to_string().into()).await
}

/// PATCH as a JSON merge patch (RFC 7386).
pub async fn merge(client: &Client, path: &str, patch: &Value) -> kube::Result<Value> {
    send(
        client,
        "PATCH",
        path,
        "application/merge-patch+json",
        patch.to_string().into(),
    )
    .await
}

/// PATCH as a strategic merge patch: lists such as status.conditions are merged by their keys.
pub async fn strategic(client: &Client, path: &str, patch: &Value) -> kube::Result<Value> {
    send(
        client,
        "PATCH",
        path,
        "application/strategic-merge-patch+json",
        patch.to_string().into(),
    )
    .await
}

/// Creates the object or makes it what is given (server-side apply as field manager "test-author").
pub async fn apply(client: &Client, object: &Value, namespace: &str) -> kube::Result<Value> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let field = |pointer: &str| text(pointer).unwrap_or_else(|| panic!("no {pointer} in {object}"));
    let namespace = text("/metadata/namespace").unwrap_or_else(|| namespace.to_owned());
    let all = path_of_kind(&field("/apiVersion"), &field("/kind"), &namespace);
    let path = format!("{all}/{}?fieldManager=test-author&force=true", field("/metadata/name"));
    send(
        client,
        "PATCH",
        &path,
        "application/apply-patch+yaml",
        object.to_string().into(),
    )
    .await
}

/// DELETE with these options; an object that is gone already is fine.
pub async fn delete(client: &Client, path: &str, options: &Value) -> kube::Result<()> {
    match send(client, "DELETE", path, "application/json", options.to_string().into()).await {
        Err(e) if code(&e) != Some(404) => Err(e),
        _ => Ok(()),
    }
}

/// The HTTP code of an error that the server answered.
pub fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// The JSON merge patch of RFC 7386, for building objects.
pub fn merge_into(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge_into(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}
