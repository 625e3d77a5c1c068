//! Who we are to the cluster: no kubeconfig, several, tokens, plugins, impersonation, a user with only some rights.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::{kubeconfig, run, shards, write};
use crate::cluster::{Scene, api};

#[test]
fn no_kubeconfig_at_all_says_where_it_looked() {
    let scene = shards();
    for command in ["verify", "status", "snapshot"] {
        let mut command = scene.shardctl([command]);
        command.env_remove("KUBECONFIG");
        run(command).refused(2, &["failed to find a kubeconfig", ".kube/config", "--kubeconfig FILE"]);
    }
    let mut command = scene.shardctl(["status"]);
    command.env("KUBECONFIG", "/nowhere/a:/nowhere/b");
    run(command).refused(2, &["/nowhere/a and /nowhere/b"]);
    run(scene.shardctl(["status", "--kubeconfig", "/nowhere/c"])).refused(2, &["/nowhere/c", "it doesn't exist"]);
    let broken = write(&scene, "broken.kubeconfig", "clusters: [");
    run(scene.shardctl_with(&broken, ["status"])).refused(2, &["failed to read the kubeconfig", "broken.kubeconfig"]);
    let mut command = scene.shardctl(["status"]);
    command
        .env_remove("KUBECONFIG")
        .env("KUBERNETES_SERVICE_HOST", "10.96.0.1")
        .env("KUBERNETES_SERVICE_PORT", "443");
    run(command).refused(2, &["this pod's service account", "--kubeconfig"]);
}

#[test]
fn several_kubeconfig_files_are_one() {
    let scene = shards();
    let contexts = kubeconfig(&scene, "contexts.kubeconfig", |config| {
        config["clusters"] = json!([]);
        config["users"] = json!([]);
    });
    let rest = kubeconfig(&scene, "rest.kubeconfig", |config| {
        config["contexts"] = json!([]);
        config["current-context"] = json!("");
    });
    let mut command = scene.shardctl(["status"]);
    command.env(
        "KUBECONFIG",
        format!("{}:/nowhere:{}", contexts.display(), rest.display()),
    );
    run(command).says(0, &["UP"]);
    run(scene.shardctl_with(&contexts, ["status"])).refused(2, &["its cluster \"test\" isn't in"]);
    run(scene.shardctl_with(&rest, ["status"])).refused(2, &["no current-context", "has no contexts"]);
}

/// A token of the scene's own service account, which may read in its namespace.
fn token(scene: &Scene<'_>) -> String {
    let namespace = scene.namespace();
    scene.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}}));
    let group = "rbac.authorization.k8s.io";
    scene.apply(json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }));
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/reader/token");
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}});
    let plane = scene.plane();
    let answer = plane
        .run(api::create(plane.client(), &path, &request))
        .expect("a token");
    // The API server learns of the binding through a watch.
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": format!("system:serviceaccount:{namespace}:reader"), "resourceAttributes": {
            "namespace": namespace, "verb": "list", "group": "policy", "resource": "poddisruptionbudgets",
        }},
    });
    plane.wait_for("the rights of the service account are known", || {
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = plane
            .run(api::create(plane.client(), path, &review))
            .map_err(|error| error.to_string())?;
        (answer["status"]["allowed"] == true)
            .then_some(())
            .ok_or_else(|| answer["status"].to_string())
    });
    answer["status"]["token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_token_a_plugin_and_what_they_say_when_they_fail() {
    let scene = shards();
    let token = token(&scene);
    let user = |name: &str, user: Value| kubeconfig(&scene, name, |config| config["users"][0]["user"] = user);
    let by_token = user("token.kubeconfig", json!({"token": token}));
    run(scene.shardctl_with(&by_token, ["status"])).says(0, &["UP"]);
    let ran = run(scene.shardctl_with(&by_token, ["verify", "-o", "short"]));
    ran.says(7, &["API-02", "not allowed: list nodes"]);

    let file = write(&scene, "token", &token);
    let by_file = user("token-file.kubeconfig", json!({"tokenFile": file}));
    run(scene.shardctl_with(&by_file, ["status"])).says(0, &["UP"]);

    let plugin = |name: &str, script: &str| {
        let program = write(&scene, name, &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("make it executable");
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": program, "args": ["get-token", "--for", "a b"],
            "interactiveMode": "IfAvailable",
        });
        user(&format!("{name}.kubeconfig"), json!({"exec": exec}))
    };
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
    });
    let good = plugin("good-plugin", &format!("echo '{credential}'"));
    run(scene.shardctl_with(&good, ["status"])).says(0, &["UP"]);
    let bad = plugin("bad-plugin", "printf '\\033[31mlogin \\302\\233expired' >&2; exit 3");
    run(scene.shardctl_with(&bad, ["status"]))
        .refused(7, &["credential plugin", "expired", "bad-plugin get-token --for 'a b'"]);
    let odd = plugin("odd-plugin", "echo hello");
    run(scene.shardctl_with(&odd, ["status"])).refused(7, &["credential plugin", "odd-plugin"]);
    let gone = user(
        "gone-plugin.kubeconfig",
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin", "interactiveMode": "Never",
        }}),
    );
    run(scene.shardctl_with(&gone, ["status"])).refused(7, &["no-such-plugin"]);

    let stale = user("stale.kubeconfig", json!({"token": format!("{token}x")}));
    for command in ["verify", "status", "snapshot"] {
        let ran = run(scene.shardctl_with(&stale, [command]));
        ran.refused(
            7,
            &["doesn't accept the credentials of user \"user\"", "expired", "token"],
        );
        assert!(!ran.stderr.contains(&token), "the token itself is nobody's business");
    }
}

#[test]
fn a_user_with_only_some_rights_sees_unknown_and_the_role_that_would_help() {
    let scene = shards();
    let rules = json!([{"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get", "list"]}]);
    let limited = scene.limited_user(rules);
    let ran = run(scene.shardctl_with(&limited, ["verify"]));
    ran.says(
        7,
        &[
            "API-02",
            "not allowed: list pods",
            "kind: Role",
            "kind: ClusterRole",
            "? ",
        ],
    );
    run(scene.shardctl_with(&limited, ["status"])).says(7, &["UNKNOWN", "may not list"]);
    let nobody = scene.limited_user(json!([]));
    run(scene.shardctl_with(&nobody, ["verify", "-o", "short"])).says(7, &["statefulsets"]);
    run(scene.shardctl_with(&nobody, ["status"])).says(7, &["UNKNOWN", "may not list"]);

    // The administrator acting as that user sees what that user sees.
    let user = limited.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
    let ran = run(scene.shardctl(["verify", "--as", &user]));
    ran.says(7, &["API-02", "not allowed: list pods", &user]);
    run(scene.shardctl(["status", "--as", &user, "--as-group", "ops"])).says(7, &["UNKNOWN", "may not list"]);
    // Somebody who may not impersonate is told so.
    let ran = run(scene.shardctl_with(&limited, ["status", "--as", "admin"]));
    ran.says(7, &["impersonate"]);
}

#[test]
fn a_remedy_acts_as_whoever_the_user_acts_as() {
    let scene = Scene::shards(2).start();
    scene.cordon(&scene.node_of(0), true);
    let ran = run(scene.shardctl([
        "verify",
        "--as",
        "ops",
        "--as-group",
        "system:masters",
        "--as-group",
        "night",
    ]));
    ran.says(
        1,
        &["kubectl --as ops --as-group system:masters --as-group night uncordon"],
    );
}
