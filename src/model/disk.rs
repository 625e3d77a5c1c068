//! Azure's managed disks as they are billed: by a tier of size, for a month, however much of it is used.
//!
//! Tiers and sizes: "Select a disk type for Azure IaaS VMs" of Azure's documentation, the tables of Premium SSD, Standard SSD
//! and Standard HDD. A disk is billed as the smallest tier that it fits in.

/// The driver of these disks.
pub const DRIVER: &str = "disk.csi.azure.com";
/// What the driver makes where nobody says which kind.
pub const OTHERWISE: &str = "StandardSSD_LRS";

/// A kind that is billed by tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    /// As a storage class names it (`skuName`).
    name: &'static str,
    /// The letter before a tier's number.
    letter: char,
    /// How it is kept: in one zone, or in three.
    copies: &'static str,
    /// The smallest tier that there is, by its size.
    from: i64,
}

const KINDS: [Kind; 5] = [
    kind("Premium_LRS", 'P', "LRS", 4),
    kind("Premium_ZRS", 'P', "ZRS", 4),
    kind("StandardSSD_LRS", 'E', "LRS", 4),
    kind("StandardSSD_ZRS", 'E', "ZRS", 4),
    kind("Standard_LRS", 'S', "LRS", 32),
];

/// The tiers: the number, and the largest disk in GiB. All kinds have the same.
const TIERS: [(u8, i64); 14] = [
    (1, 4),
    (2, 8),
    (3, 16),
    (4, 32),
    (6, 64),
    (10, 128),
    (15, 256),
    (20, 512),
    (30, 1024),
    (40, 2048),
    (50, 4096),
    (60, 8192),
    (70, 16_384),
    (80, 32_767),
];

const fn kind(name: &'static str, letter: char, copies: &'static str, from: i64) -> Kind {
    Kind {
        name,
        letter,
        copies,
        from,
    }
}

/// The tier of a disk of so many GiB, as the price list names it: `P30 LRS`.
///
/// # Errors
/// A clause that says why there is none: a kind that isn't billed by tiers, or a disk that is too large.
pub fn tier(sku: &str, gib: i64) -> Result<String, String> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name.eq_ignore_ascii_case(sku)) else {
        return Err(match sku.to_ascii_lowercase().as_str() {
            "premiumv2_lrs" | "ultrassd_lrs" => format!("{sku} is billed by what was provisioned, not by tiers"),
            _ => format!("{sku} is no kind of disk that is known"),
        });
    };
    let fits = |(_, most): &&(u8, i64)| *most >= gib && *most >= kind.from;
    match TIERS.iter().find(fits) {
        Some((number, _)) => Ok(format!("{}{number} {}", kind.letter, kind.copies)),
        None => Err(format!("no {sku} disk has {gib} GiB")),
    }
}

/// Whether this is the name of a tier.
pub fn is_tier(name: &str) -> bool {
    KINDS.iter().any(|kind| {
        let tiers = TIERS.iter().filter(|(_, most)| *most >= kind.from);
        tiers
            .into_iter()
            .any(|(number, _)| name == format!("{}{number} {}", kind.letter, kind.copies))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_billed_as_the_smallest_tier_that_it_fits_in() {
        let of = |sku: &str, gib| tier(sku, gib).unwrap();
        assert_eq!(of("Premium_LRS", 1), "P1 LRS");
        assert_eq!(of("Premium_LRS", 512), "P20 LRS");
        assert_eq!(of("premium_zrs", 513), "P30 ZRS");
        assert_eq!(of("StandardSSD_LRS", 1024), "E30 LRS");
        // There is no smaller hard disk than 32 GiB.
        assert_eq!(of("Standard_LRS", 1), "S4 LRS");
        assert_eq!(of("Premium_LRS", 32_767), "P80 LRS");
    }

    #[test]
    fn what_isnt_billed_by_tiers_is_told() {
        let why = |sku: &str, gib| tier(sku, gib).unwrap_err();
        assert!(why("PremiumV2_LRS", 100).contains("provisioned"));
        assert!(why("UltraSSD_LRS", 100).contains("provisioned"));
        assert!(why("gp3", 100).contains("no kind of disk"));
        assert_eq!(why("Premium_LRS", 40_000), "no Premium_LRS disk has 40000 GiB");
    }

    #[test]
    fn the_names_of_tiers_are_known() {
        for name in ["P1 LRS", "P30 ZRS", "E80 LRS", "S4 LRS"] {
            assert!(is_tier(name), "{name}");
        }
        for name in ["S1 LRS", "S30 ZRS", "P5 LRS", "P30", "Standard_E16s_v5", "P30 LRS Disk"] {
            assert!(!is_tier(name), "{name}");
        }
    }
}
