//! Random faults: several in a life, several lives, of all kinds, as a number says.

use std::time::Duration;

use shardctl::sim::faults::{Fault, Faults};

use super::cases::Case;
use super::course::{Course, Then};
use super::scene::{NEW, NODE, Scene, ZONE};

/// Numbers that look like chance, and are the same every time.
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn of(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The next number.
    fn next(&mut self) -> u64 {
        // Sebastiano Vigna's splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of so many.
    fn below(&mut self, many: u64) -> u64 {
        self.next() % many
    }

    /// One of these.
    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap()].clone()
    }
}

/// The course that a seed makes.
pub fn course(cases: &[Case], seed: u64) -> Course {
    let mut chance = Chance::of(seed);
    let case = chance.one(cases);
    let lives = 1 + chance.below(3);
    let each = (0..lives).map(|_| faults(&mut chance, case.scene));
    Course {
        case: case.name.to_owned(),
        lives: each.collect(),
        then: Then::Both,
    }
}

fn faults(chance: &mut Chance, scene: Scene) -> Faults {
    let many = 1 + chance.below(4);
    (0..many).fold(Faults::default(), |faults, _| {
        let number = 1 + chance.below(36);
        faults.and(number, fault(chance, scene))
    })
}

fn fault(chance: &mut Chance, scene: Scene) -> Fault {
    match chance.below(16) {
        0 | 1 => Fault::CrashBefore,
        2 | 3 => Fault::CrashAfter,
        4 | 5 => Fault::Lost,
        6 | 7 => Fault::Refused(chance.one(&[409, 429, 500, 503])),
        8 => Fault::Slow(Duration::from_millis(chance.one(&[50, 900, 4_000, 35_000]))),
        9 => Fault::WatchesEnd,
        10 => Fault::WatchesExpire,
        11 => Fault::NodeDies(chance.one(&[NODE, "node-b", "node-c", "node-d"]).to_owned()),
        12 => Fault::ImageGone(NEW.to_owned()),
        13 => Fault::ZoneFull(ZONE.to_owned()),
        14 => Fault::BudgetSet(scene.shards),
        _ => {
            let ordinal = chance.below(scene.shards.unsigned_abs());
            Fault::Rival(Scene::pod(i64::try_from(ordinal).unwrap()))
        }
    }
}
