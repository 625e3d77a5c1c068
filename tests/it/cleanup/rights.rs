//! What a cleanup may: with the printed Roles it goes through, with less it is refused before anything is deleted.

use super::{claims, cleanup, is_gone};
use crate::deploy::deployed;
use crate::render::ground::limited_to;

#[test]
fn the_roles_that_rbac_prints_for_a_cleanup_suffice_and_with_less_nothing_is_deleted() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let version = ground.version_of_the_set();
    cleanup(&ground, &limited_to(&ground, "reading"), &["--yes"]).is(
        3,
        &[
            "objects may not be read or deleted",
            "may not get statefulsets",
            "rbac --for cleanup",
        ],
    );
    cleanup(&ground, &limited_to(&ground, "deploy"), &["--yes"]).is(
        3,
        &[
            "6 objects may not be read or deleted",
            "may not delete statefulsets",
            "may not delete nodepools",
        ],
    );
    assert_eq!(ground.version_of_the_set(), version);
    let how = ["--data", "--confirm", &name];
    let ran = cleanup(&ground, &limited_to(&ground, "cleanup"), &how);
    ran.is(0, &["the claims are gone"]);
    for traitor in ["couldn't be", "may not", "forbidden"] {
        assert!(!ran.stderr.contains(traitor), "{traitor}: {}", ran.stderr);
    }
    is_gone(&ground, &ran.stderr);
    assert_eq!(claims(&ground), Vec::new());
}
