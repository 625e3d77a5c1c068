//! Names as every program on this machine finds them.

use shardctl::net::route::Ways;

use super::{answer, manner, over_socket, request, run};
use crate::cluster::Ring;

#[test]
fn a_name_of_this_machines_own_is_found_as_every_program_finds_it() {
    let ring = Ring::of(1).start();
    let entry = over_socket("localhost", ring.port(0), false);
    let seen = run(async {
        Ways::new(manner(), None)
            .unwrap()
            .ask(&entry, &request("/lookup?key=a"))
            .await
    });
    assert_eq!(answer(&seen).status, 200);
}
