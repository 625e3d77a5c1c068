//! The kustomization: kubectl makes of each overlay what `render` prints, and nobody's own file is written over.

use super::{documents, kubectl_says, rendered, shardctl};
use std::path::Path;

#[test]
fn kubectl_makes_of_each_overlay_what_render_prints() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s/overlays");
    for phase in ["explore", "stable"] {
        let overlay = committed.join(phase);
        let kustomized = kubectl_says(&["kustomize", overlay.to_str().expect("UTF-8")], "");
        assert_eq!(documents(&kustomized), documents(&rendered(&[phase])), "{phase}");
    }
}

#[test]
fn the_same_holds_of_other_parameters() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let parameters = [
        "--name", "db", "--shards", "3", "--zones", "a,b", "--probe", "tcp", "-n", "shop",
    ];
    let write = [&["render", "--out", "k8s"], parameters.as_slice()].concat();
    let (code, stdout, stderr) = shardctl(home.path(), &write);
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    assert!(stderr.contains("files written to k8s"), "{stderr}");
    for phase in ["explore", "stable"] {
        let overlay = home.path().join("k8s/overlays").join(phase);
        let kustomized = kubectl_says(&["kustomize", overlay.to_str().expect("UTF-8")], "");
        let printed = rendered(&[&[phase], parameters.as_slice()].concat());
        assert_eq!(documents(&kustomized), documents(&printed), "{phase}");
    }
    // What it wrote it writes again, and one phase alone.
    assert_eq!(shardctl(home.path(), &write).0, Some(0));
    let (code, ..) = shardctl(home.path(), &["-q", "render", "stable", "--out", "alone"]);
    assert_eq!(code, Some(0));
    assert!(home.path().join("alone/overlays/stable/nodepool.yaml").is_file());
    assert!(!home.path().join("alone/overlays/explore").exists());
}

#[test]
fn a_file_of_somebodys_own_is_never_written_over() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let own = home.path().join("k8s/base/statefulset.yaml");
    std::fs::create_dir_all(own.parent().expect("a folder")).expect("make it");
    std::fs::write(&own, "kind: StatefulSet\n").expect("write it");
    let (code, _, stderr) = shardctl(home.path(), &["render", "--out", "k8s"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("k8s/base/statefulset.yaml") && stderr.contains("nothing was written"),
        "{stderr}"
    );
    assert_eq!(std::fs::read_to_string(&own).expect("read it"), "kind: StatefulSet\n");
    assert!(!home.path().join("k8s/overlays").exists(), "nothing else was written");
}
