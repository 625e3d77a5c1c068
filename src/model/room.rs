//! What a node offers and what a pod takes of it: memory, CPU, disks, pods.

/// What limits how many shards a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Memory, in bytes.
    Memory,
    /// CPU, in thousandths of a core.
    Cpu,
    /// Disks that can be attached.
    Disks,
    /// Pods.
    Pods,
}

impl Limit {
    /// All of them, in the order in which they are told.
    pub const ALL: [Limit; 4] = [Limit::Memory, Limit::Cpu, Limit::Disks, Limit::Pods];

    /// How a sentence names it.
    pub const fn word(self) -> &'static str {
        match self {
            Limit::Memory => "memory",
            Limit::Cpu => "cpu",
            Limit::Disks => "data disks",
            Limit::Pods => "pods",
        }
    }
}

/// What a node has for pods (`status.allocatable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Room {
    /// Bytes.
    pub memory: i64,
    /// Thousandths of a core.
    pub cpu: i64,
    /// Disks that can be attached; none where nobody said.
    pub disks: Option<i64>,
    /// Pods.
    pub pods: i64,
}

impl Room {
    /// What it has of one thing; none where nobody said.
    pub const fn of(&self, limit: Limit) -> Option<i64> {
        match limit {
            Limit::Memory => Some(self.memory),
            Limit::Cpu => Some(self.cpu),
            Limit::Disks => self.disks,
            Limit::Pods => Some(self.pods),
        }
    }

    /// The smaller of two, thing by thing: what both have for sure.
    #[must_use]
    pub fn least(self, other: Room) -> Room {
        Room {
            memory: self.memory.min(other.memory),
            cpu: self.cpu.min(other.cpu),
            disks: match (self.disks, other.disks) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
            pods: self.pods.min(other.pods),
        }
    }
}

/// What pods take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Take {
    /// Bytes.
    pub memory: i64,
    /// Thousandths of a core.
    pub cpu: i64,
    /// Disks.
    pub disks: i64,
    /// Pods.
    pub pods: i64,
}

impl Take {
    /// What they take of one thing.
    pub const fn of(&self, limit: Limit) -> i64 {
        match limit {
            Limit::Memory => self.memory,
            Limit::Cpu => self.cpu,
            Limit::Disks => self.disks,
            Limit::Pods => self.pods,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Take) -> Take {
        Take {
            memory: self.memory.saturating_add(other.memory),
            cpu: self.cpu.saturating_add(other.cpu),
            disks: self.disks.saturating_add(other.disks),
            pods: self.pods.saturating_add(other.pods),
        }
    }

    /// The larger of two, thing by thing.
    #[must_use]
    pub fn most(self, other: Take) -> Take {
        Take {
            memory: self.memory.max(other.memory),
            cpu: self.cpu.max(other.cpu),
            disks: self.disks.max(other.disks),
            pods: self.pods.max(other.pods),
        }
    }
}

/// One gibibyte, in bytes.
pub const GIB: i64 = 1 << 30;
/// One mebibyte, in bytes.
pub const MIB: i64 = 1 << 20;

/// Bytes in GiB, to the nearest tenth; less than a tenth in MiB, so that what is there is never told as nothing.
pub fn gib(bytes: i64) -> String {
    let (sign, size) = (if bytes < 0 { "-" } else { "" }, i128::from(bytes.unsigned_abs()));
    let tenths = (size * 10 + i128::from(GIB) / 2) / i128::from(GIB);
    match (tenths, tenths % 10) {
        (0, _) if size > 0 => format!("{sign}{}Mi", (size + i128::from(MIB) - 1) / i128::from(MIB)),
        (_, 0) => format!("{sign}{}Gi", tenths / 10),
        (_, tenth) => format!("{sign}{}.{tenth}Gi", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_two_rooms_keeps_what_both_have() {
        let one = Room {
            memory: 4,
            cpu: 9,
            disks: None,
            pods: 30,
        };
        let other = Room {
            memory: 5,
            cpu: 8,
            disks: Some(3),
            pods: 20,
        };
        let both = Room {
            memory: 4,
            cpu: 8,
            disks: Some(3),
            pods: 20,
        };
        assert_eq!(one.least(other), both);
        assert_eq!(other.least(one), both);
    }

    #[test]
    fn what_is_there_is_never_told_as_nothing() {
        assert_eq!(gib(32 * GIB), "32Gi");
        assert_eq!(gib(314 * MIB), "0.3Gi");
        assert_eq!(gib(-5 * GIB / 2), "-2.5Gi");
        assert_eq!(gib(1), "1Mi");
        assert_eq!(gib(40 * MIB), "40Mi");
        assert_eq!(gib(0), "0Gi");
    }
}
