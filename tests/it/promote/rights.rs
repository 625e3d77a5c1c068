//! What a promotion may: with the printed Roles it goes through, with less it is refused before anything is written.

use super::{disks, is_promoted, promote};
use crate::cluster::Interceptor;
use crate::deploy::deployed;
use crate::render::ground::limited_to;

#[test]
fn the_roles_that_rbac_prints_for_a_promotion_suffice_and_with_less_nothing_is_written() {
    let ground = deployed();
    let before = disks(&ground);
    let version = ground.version_of_the_set();
    let deployer = limited_to(&ground, "deploy");
    promote(&ground, &deployer, &["--yes"]).is(
        3,
        &[
            "rights",
            "not allowed: delete pods in namespace",
            "not allowed: delete nodepools",
            "rbac --for promote",
        ],
    );
    let reader = limited_to(&ground, "reading");
    promote(&ground, &reader, &["--yes"]).is(3, &["may not get nodepools", "rbac --for promote"]);
    assert_eq!(ground.version_of_the_set(), version);
    let promoted = promote(&ground, &limited_to(&ground, "promote"), &["--yes"]);
    promoted.is(0, &["-explore is gone"]);
    for traitor in ["couldn't be", "may not", "not allowed", "forbidden"] {
        assert!(!promoted.stderr.contains(traitor), "{traitor}: {}", promoted.stderr);
    }
    is_promoted(&ground, &before, &promoted.stderr);
    let interceptor = Interceptor::before(ground.scene.plane());
    promote(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]).is(0, &["nothing to do"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}
