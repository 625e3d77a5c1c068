//! The programs of the test cluster: built once from the Go modules in `go/`, kept in the user's cache folder under a
//! hash of what they are built from, behind a file lock; or taken ready-made from the folder that
//! `SHARDCTL_TEST_CLUSTER` names. Without either, tests that need them fail with words on what to install.

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a folder with ready programs: kube-apiserver, kube-controller-manager, kube-scheduler, etcd, kwok, and for the
/// tests that want them coredns, karpenter (with its definitions in `karpenter-crds/`) and kubectl.
pub const FOLDER_VARIABLE: &str = "SHARDCTL_TEST_CLUSTER";

/// What every plane needs.
#[derive(Clone)]
pub struct Core {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub apiserver: PathBuf,
    /// kube-controller-manager.
    pub controller_manager: PathBuf,
    /// kube-scheduler.
    pub scheduler: PathBuf,
    /// kwok, the fake kubelet.
    pub kwok: PathBuf,
    /// Such as "v1.36.3", from go.mod.
    pub kubernetes_version: String,
}

/// Karpenter's provider for kwok nodes.
#[derive(Clone)]
pub struct Karpenter {
    /// The controller.
    pub program: PathBuf,
    /// A folder with its CustomResourceDefinitions, one YAML file each.
    pub definitions: PathBuf,
}

/// A Go module of ours that pins programs of another project.
struct Module {
    name: &'static str,
    /// The Go module whose version is the programs' version.
    of: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    /// What of ours is built: a program, or the file that `replaces` one.
    main: &'static str,
    /// The file of [`of`](Self::of) in whose place `main` is built.
    replaces: Option<&'static str>,
}

const KUBERNETES: Module = Module {
    name: "kubernetes",
    of: "k8s.io/kubernetes",
    go_mod: include_str!("go/kubernetes/go.mod"),
    go_sum: include_str!("go/kubernetes/go.sum"),
    main: "",
    replaces: None,
};
const ETCD: Module = Module {
    name: "etcd",
    of: "go.etcd.io/etcd/server/v3",
    go_mod: include_str!("go/etcd/go.mod"),
    go_sum: include_str!("go/etcd/go.sum"),
    main: include_str!("go/etcd/main.go"),
    replaces: None,
};
const KWOK: Module = Module {
    name: "kwok",
    of: "sigs.k8s.io/kwok",
    go_mod: include_str!("go/kwok/go.mod"),
    go_sum: include_str!("go/kwok/go.sum"),
    main: include_str!("go/kwok/tunnel.go"),
    replaces: Some("pkg/utils/net/tunnel.go"),
};
const COREDNS: Module = Module {
    name: "coredns",
    of: "github.com/coredns/coredns",
    go_mod: include_str!("go/coredns/go.mod"),
    go_sum: include_str!("go/coredns/go.sum"),
    main: "",
    replaces: None,
};
const KARPENTER: Module = Module {
    name: "karpenter",
    of: "sigs.k8s.io/karpenter",
    go_mod: include_str!("go/karpenter/go.mod"),
    go_sum: include_str!("go/karpenter/go.sum"),
    main: "",
    replaces: None,
};

/// The programs that every plane needs; builds what is missing.
pub fn core() -> Core {
    static CORE: OnceLock<Core> = OnceLock::new();
    CORE.get_or_init(|| Core {
        etcd: program(&ETCD, "etcd", ".", "half a minute"),
        apiserver: program(
            &KUBERNETES,
            "kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "5 minutes",
        ),
        controller_manager: program(
            &KUBERNETES,
            "kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "1 minute",
        ),
        scheduler: program(
            &KUBERNETES,
            "kube-scheduler",
            "k8s.io/kubernetes/cmd/kube-scheduler",
            "10 seconds",
        ),
        kwok: program(&KWOK, "kwok", "sigs.k8s.io/kwok/cmd/kwok", "2 minutes"),
        kubernetes_version: KUBERNETES.version().to_owned(),
    })
    .clone()
}

/// CoreDNS; built when first asked for.
pub fn coredns() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| program(&COREDNS, "coredns", "github.com/coredns/coredns", "3 minutes"))
        .clone()
}

/// Karpenter and its definitions; built when first asked for.
pub fn karpenter() -> Karpenter {
    static PROGRAM: OnceLock<Karpenter> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            let program = program(&KARPENTER, "karpenter", "sigs.k8s.io/karpenter/kwok", "2 minutes");
            let definitions = program.with_file_name("karpenter-crds");
            if !definitions.is_dir() {
                copy_definitions(&definitions);
            }
            Karpenter { program, definitions }
        })
        .clone()
}

/// kubectl, for the side-by-side benches and where its own verdict counts; built when first asked for.
pub fn kubectl() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| program(&KUBERNETES, "kubectl", "k8s.io/kubernetes/cmd/kubectl", "half a minute"))
        .clone()
}

fn program(module: &Module, name: &str, package: &str, takes: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
        let path = Path::new(&folder).join(name);
        assert!(
            path.is_file(),
            "{FOLDER_VARIABLE} names a folder without {name}: {}",
            path.display()
        );
        return path;
    }
    let folder = module.folder();
    let path = folder.join(name);
    if path.is_file() {
        return path;
    }
    std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("create {}: {e}", folder.display()));
    // Two test binaries, or two checkouts, wait for each other instead of building twice.
    let lock = File::create(folder.join("lock")).expect("create the build lock");
    lock.lock().expect("take the build lock");
    if !path.is_file() {
        build(module, package, &path, takes);
    }
    path
}

fn build(module: &Module, package: &str, path: &Path, takes: &str) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    say(&format!(
        "building {name} {} for the test cluster, once: about {takes} on two cores…",
        module.version()
    ));
    // A name of its own: a killed test process frees the lock, and its compiler may still be writing.
    let unfinished = path.with_extension(format!("unfinished-{}", std::process::id()));
    let mut go = go(module);
    go.args(["build", "-trimpath", "-ldflags", &module.linker_flags(), "-o"])
        .arg(&unfinished);
    let changed = module.replaces.map(|theirs| changed(module, theirs));
    if let Some(folder) = &changed {
        go.arg("-modfile").arg(folder.path().join("go.mod"));
    }
    go.arg(package);
    let output = go
        .env("CGO_ENABLED", "0")
        .output()
        .unwrap_or_else(|e| panic!("{}", no_go(&e.to_string())));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "failed to build {name} for the test cluster:\n{words}"
    );
    std::fs::rename(&unfinished, path).unwrap_or_else(|e| panic!("keep {}: {e}", path.display()));
}

/// A copy of the module's source with our file in place of theirs, and a go.mod beside it that says to build that one: Go
/// lets nobody change what is in its own cache.
fn changed(module: &Module, theirs: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("source");
    copy_folder(&source(module), &copy);
    let theirs = copy.join(theirs);
    assert!(theirs.is_file(), "there is no {} to replace", theirs.display());
    std::fs::write(theirs, module.main).expect("write our file in place of theirs");
    let go_mod = format!("{}\nreplace {} => {}\n", module.go_mod, module.of, copy.display());
    std::fs::write(folder.path().join("go.mod"), go_mod).expect("write go.mod");
    std::fs::write(folder.path().join("go.sum"), module.go_sum).expect("write go.sum");
    folder
}

/// Read and write: a copy of each file as it is would keep the module cache's read-only mode.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder for a copy");
    for entry in std::fs::read_dir(from).expect("a folder of a Go module") {
        let entry = entry.expect("an entry of a Go module");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            let bytes = std::fs::read(&from).expect("read a file of a Go module");
            std::fs::write(to, bytes).expect("keep a file of a Go module");
        }
    }
}

/// Where Go keeps the source of what a module of ours pins.
fn source(module: &Module) -> PathBuf {
    let run = |arguments: &[&str]| {
        let output = go(module).args(arguments).output();
        let output = output.unwrap_or_else(|e| panic!("{}", no_go(&e.to_string())));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "failed to find the module {}:\n{words}",
            module.of
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    run(&["mod", "download", module.of]);
    PathBuf::from(run(&["list", "-m", "-f", "{{.Dir}}", module.of]))
}

/// Copies Karpenter's definitions from its Go module.
fn copy_definitions(to: &Path) {
    let module = source(&KARPENTER);
    let unfinished = tempfile::tempdir_in(to.parent().expect("a cache folder"))
        .expect("a temporary folder")
        .keep();
    for folder in ["kwok/charts/crds", "kwok/apis/crds"] {
        copy_folder(&module.join(folder), &unfinished);
    }
    if std::fs::rename(&unfinished, to).is_err() {
        // Another process was quicker; its copy is as good.
        let _ = std::fs::remove_dir_all(&unfinished);
    }
}

fn go(module: &Module) -> Command {
    let mut go = Command::new("go");
    go.current_dir(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/cluster/go")
            .join(module.name),
    );
    go
}

fn no_go(why: &str) -> String {
    format!(
        "this test needs a Kubernetes control plane, and the Go toolchain that builds it was not found ({why}).\n\n\
         Install Go {} or later (https://go.dev/dl), or set {FOLDER_VARIABLE} to a folder with these programs:\n\
         kube-apiserver kube-controller-manager kube-scheduler etcd kwok coredns karpenter kubectl",
        KUBERNETES.line("go ").unwrap_or("1.26")
    )
}

impl Module {
    /// The version that go.mod requires, with its "v".
    fn version(&self) -> &'static str {
        let requirement = format!("{} v", self.of);
        let version = self.go_mod.lines().find_map(|line| {
            let line = line.trim().trim_start_matches("require ");
            line.starts_with(&requirement)
                .then(|| line[self.of.len()..].split_whitespace().next())
                .flatten()
        });
        version.unwrap_or_else(|| panic!("{} is not required in go/{}/go.mod", self.of, self.name))
    }

    fn line(&self, start: &str) -> Option<&'static str> {
        self.go_mod.lines().find_map(|line| line.strip_prefix(start))
    }

    /// Kubernetes' programs learn their version from the linker; without it they say v0.0.0.
    fn linker_flags(&self) -> String {
        let mut flags = "-s -w".to_owned();
        if self.name == KUBERNETES.name {
            let version = self.version();
            let mut parts = version.trim_start_matches('v').split('.');
            let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
                flags += &format!(" -X {package}.gitVersion={version}");
                flags += &format!(" -X {package}.gitMajor={major} -X {package}.gitMinor={minor}");
            }
        }
        flags
    }

    fn folder(&self) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [
            self.go_mod,
            self.go_sum,
            self.main,
            &self.linker_flags(),
            std::env::consts::ARCH,
        ] {
            hash.update(part);
            hash.update([0]);
        }
        let hash: String = hash
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let cache = etcetera::choose_base_strategy()
            .expect("a home folder, for the cache")
            .cache_dir();
        cache
            .join("shardctl/test-cluster")
            .join(format!("{}-{hash}", self.name))
    }
}

/// Past the capture of test output: who waits for minutes wants to know what for.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
