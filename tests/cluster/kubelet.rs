//! What kwok, the fake kubelet, is told before it starts: the stages of nodes and pods, where port-forwards lead,
//! what exec runs, and which file answers for a pod's log.

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Annotation or image suffix → behaviour, as one jq expression over the pod. Of init containers only how their images are pulled
/// counts: a placeholder has fetched an image that crashes, and runs another one. A pull that is slow the first time is over once
/// images.rs has said so.
const BEHAVIOUR: &str = r#". as $pod | (.metadata.annotations["test.shardctl.dev/behaviour"] // ([(.spec.containers[].image | capture("-(?<b>unready|crash|oom|pullfail|configerror|slowpull)(@sha256:.*)?$").b), ((.spec.initContainers // [])[].image | capture("-(?<b>pullfail|configerror|slowpull)(@sha256:.*)?$").b)][0]) // "healthy") as $b | if $b == "slowpull" and $pod.metadata.annotations["test.shardctl.dev/pulled"] == "true" then "healthy" else $b end"#;

/// An image as the container runtime names it: the repository and a digest. Same image, same digest, unless the
/// annotation test.shardctl.dev/digest says that the tag has moved.
const IMAGE_ID: &str = r#"{{ if contains "@sha256:" .image }}{{ regexReplaceAll ":[^:/@]+@" .image "@" | Quote }}{{ else }}{{ printf "%s@sha256:%s" (regexReplaceAll ":[^:/@]+$" .image "") (sha256sum (or $digest .image)) | Quote }}{{ end }}"#;

/// A pod whose port leads to a local one. Its name must be known before kwok starts.
#[derive(Clone)]
pub struct PortForward {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The port that clients ask for.
    pub port: u16,
    /// The port of 127.0.0.1 that answers.
    pub local: u16,
}

/// The files that kwok reads, written into `folder`: (its `--config` files, the folder that goes first on its PATH).
pub fn write_config(folder: &Path, kubelet_version: &str, forwards: &[PortForward]) -> (Vec<PathBuf>, PathBuf) {
    let stages = include_str!("stages.yaml")
        .replace("@BEHAVIOUR@", BEHAVIOUR)
        .replace("@IMAGE_ID@", IMAGE_ID)
        .replace("@KUBELET_VERSION@", kubelet_version);
    let stages_file = folder.join("stages.yaml");
    std::fs::write(&stages_file, stages).expect("write stages.yaml");

    let commands = write_commands(folder);
    let mut documents: Vec<Value> = forwards.iter().map(port_forward).collect();
    documents.extend(execs());
    documents.push(logs(folder));
    let documents: Vec<String> = documents.iter().map(Value::to_string).collect();
    let config_file = folder.join("kwok.yaml");
    std::fs::write(&config_file, documents.join("\n---\n")).expect("write kwok.yaml");
    (vec![stages_file, config_file], commands)
}

/// Where [`forward_definition`]s are created: port-forwards of whole pods that come and go while the fake kubelet runs.
pub const FORWARDS: &str = "/apis/kwok.x-k8s.io/v1alpha1/clusterportforwards";

/// The definition of the kind that kwok watches for port-forwards besides those of its configuration, which come first.
pub fn forward_definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "clusterportforwards.kwok.x-k8s.io",
            // What the API server asks of definitions in a group under k8s.io.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": "kwok.x-k8s.io", "scope": "Cluster",
            "names": {"kind": "ClusterPortForward", "plural": "clusterportforwards", "singular": "clusterportforward"},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

/// Has curl inside the pods of a namespace connect to 127.0.0.1 for these names: (host, port asked for, local port). Asked to
/// connect to another host than the URL's, curl doesn't go on from there: the local port is to be asked for then.
pub fn write_names(folder: &Path, namespace: &str, names: impl Iterator<Item = (String, u16, u16)>) {
    let lines = names.map(|(host, port, local)| {
        format!("connect-to = \"{host}:{port}:127.0.0.1:{local}\"\nresolve = \"{host}:{local}:127.0.0.1\"\n")
    });
    let path = folder.join("commands").join(format!("{namespace}.names"));
    std::fs::write(path, lines.collect::<String>()).expect("write the names of a namespace");
}

/// Has dig inside the pods of a namespace know these names: (fully qualified name, address). What isn't here doesn't exist.
pub fn write_zone<'n>(folder: &Path, namespace: &str, names: impl Iterator<Item = (&'n str, &'n str)>) {
    let lines = names.map(|(name, address)| format!("{name} 30 IN A {address}\n"));
    let path = folder.join("commands").join(format!("{namespace}.zone"));
    std::fs::write(path, lines.collect::<String>()).expect("write the zone of a namespace");
}

/// Leaves all pods of a namespace without curl and wget, but for probers.
pub fn write_toolless(folder: &Path, namespace: &str) {
    let path = folder.join("commands").join(format!("{namespace}.toolless"));
    std::fs::write(path, "").expect("write that a namespace has no tools");
}

/// Leaves all pods of a namespace without curl; wget they have where this machine has it.
pub fn write_curlless(folder: &Path, namespace: &str) {
    let path = folder.join("commands").join(format!("{namespace}.curlless"));
    std::fs::write(path, "").expect("write that a namespace has no curl");
}

/// Where the logs of every container are read from: (the running one's, the one before).
pub fn log_files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("container.log"), folder.join("container-previous.log"))
}

fn port_forward(forward: &PortForward) -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "PortForward",
        "metadata": {"name": forward.pod, "namespace": forward.namespace},
        "spec": {"forwards": [
            {"ports": [forward.port], "target": {"address": "127.0.0.1", "port": forward.local}},
        ]},
    })
}

/// Exec runs commands here, on this machine. Which namespace the pod is in, only the configuration can tell the command:
/// hence one entry for each name that a scene may have, and one for all others.
fn execs() -> Vec<Value> {
    let local = |envs: Value| json!({"local": {"workDir": "/", "envs": envs}});
    let with_tools = |envs: Value| {
        let mut exec = local(envs);
        exec["containers"] = json!([shardctl::plan::prober::PROBER]);
        exec
    };
    let exec = |namespace: &str, selector: Value| {
        json!({
            "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterExec",
            "metadata": {"name": format!("exec-{namespace}")},
            "spec": {
                "selector": selector,
                "execs": [
                    local(json!([{"name": "POD_NAMESPACE", "value": namespace}])),
                    with_tools(json!([{"name": "POD_NAMESPACE", "value": namespace}, {"name": "HAS_TOOLS", "value": "yes"}])),
                ],
            },
        })
    };
    let scenes = (1..=SCENES).map(scene_name);
    let mut all: Vec<Value> = scenes
        .map(|name| exec(&name, json!({"matchNamespaces": [name]})))
        .collect();
    all.push(exec("default", Value::Null));
    all
}

/// How many scenes of a plane have a namespace that exec knows.
const SCENES: u32 = 600;

/// The namespace of a plane's scene number `number`, from 1: known before the scene starts.
pub fn scene_name(number: u32) -> String {
    format!("scene-{number:03}")
}

fn logs(folder: &Path) -> Value {
    // The format of the container runtime: time, stream, F for a full line.
    let (current, previous) = log_files(folder);
    let line = |second: u32, text: &str| format!("2026-01-01T00:00:{second:02}.000000000Z stderr F {text}\n");
    let now: String = [
        line(1, "starting"),
        line(2, "loading the index"),
        line(3, "ready to serve"),
    ]
    .concat();
    let before: String = [line(1, "starting"), line(2, "fatal: the index is damaged")].concat();
    std::fs::write(&current, now).expect("write a container log");
    std::fs::write(&previous, before).expect("write a container log");
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs",
        "metadata": {"name": "everywhere"},
        "spec": {"logs": [{"logsFile": current, "previousLogsFile": previous}]},
    })
}

/// Commands that an exec into a pod finds before the machine's own: kwok looks a command up on its own PATH, and the
/// kubelet would have given the pod another /etc/resolv.conf than this machine's.
fn write_commands(folder: &Path) -> PathBuf {
    let commands = folder.join("commands");
    std::fs::create_dir_all(&commands).expect("a folder for commands");
    let write = |name: &str, script: &str| {
        let path = commands.join(name);
        std::fs::write(&path, script).expect("write a command");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("make a command executable");
    };
    let folder = commands.display();
    // What a shell says of a command that isn't there.
    let missing = format!("[ \"$HAS_TOOLS\" = yes ] || [ ! -f '{folder}'/\"$POD_NAMESPACE\".toolless ] || exit 127");
    let curl = format!(
        "#!/bin/sh\n{missing}\n[ ! -f '{folder}'/\"$POD_NAMESPACE\".curlless ] || exit 127\nnames='{folder}'/\"$POD_NAMESPACE\".names\n[ -f \"$names\" ] && exec /usr/bin/curl -K \"$names\" \"$@\"\nexec /usr/bin/curl \"$@\"\n",
    );
    write("curl", &curl);
    // `command -v wget`, as shardctl looks for it, would find a command here.
    let sh = format!("#!/bin/sh\ncase \"$*\" in *wget*) {missing} ;; esac\nexec /bin/sh \"$@\"\n");
    write("sh", &sh);
    // The cluster's names as a pod's resolver would have them; without a zone there is no server.
    let dig = format!(
        "\
#!/bin/sh
zone='{folder}'/\"$POD_NAMESPACE\".zone
for name do :; done
[ -f \"$zone\" ] || {{ echo ';; no servers could be reached'; exit 9; }}
answers=$(grep \"^$name \" \"$zone\")
status=NOERROR
[ -n \"$answers\" ] || status=NXDOMAIN
echo \";; ->>HEADER<<- opcode: QUERY, status: $status, id: 1\"
[ -z \"$answers\" ] || {{ echo ';; ANSWER SECTION:'; echo \"$answers\"; }}
"
    );
    write("dig", &dig);
    let script = "\
#!/bin/sh
[ \"$*\" = /etc/resolv.conf ] || exec /bin/cat \"$@\"
echo \"search $POD_NAMESPACE.svc.cluster.local svc.cluster.local cluster.local\"
echo \"nameserver 10.96.0.10\"
echo \"options ndots:5\"
";
    write("cat", script);
    commands
}
