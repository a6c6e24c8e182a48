//! What instance types have: both halves ask it, the account whether a type exists, the cluster what its nodes are like.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

static TEXT: &str = include_str!("../../assets/aws/instance-types.yaml");

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    // What is part of the program can be read, which a test makes sure of.
    serde_saphyr::from_str(TEXT).unwrap_or_default()
});

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Types {
    classes: BTreeMap<String, f64>,
    sizes: BTreeMap<String, Size>,
    burstable: BTreeMap<String, Size>,
    offers: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    cpu: u32,
    #[serde(default)]
    memory: f64,
    pods: u32,
}

/// What a machine has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hardware {
    /// Processors.
    pub cpu: u32,
    /// GiB of memory.
    pub memory: f64,
    /// How many Pods have room.
    pub pods: u32,
    /// Whether its processors are Arm's.
    pub arm: bool,
}

/// An instance type that node pools choose from.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// `m6a.large`
    pub name: String,
    /// `m`
    pub class: String,
    /// `6`
    pub generation: String,
    /// `m6a`
    pub family: String,
    /// `large`
    pub size: String,
    /// What it has.
    pub hardware: Hardware,
    /// What it costs for an hour, on demand.
    pub price: f64,
}

impl Offer {
    /// All that there are.
    pub fn all() -> Vec<Self> {
        let of = |family: &String, size: &String, price: f64| {
            let name = format!("{family}.{size}");
            let hardware = Hardware::of(&name)?;
            let digit = family.find(|letter: char| letter.is_ascii_digit())?;
            let rest = family[digit..].trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            Some(Self {
                class: family[..digit].to_owned(),
                generation: rest.to_owned(),
                family: family.clone(),
                size: size.clone(),
                price: price * f64::from(hardware.cpu),
                name,
                hardware,
            })
        };
        let sizes = || TYPES.sizes.keys().filter(|size| *size != "metal" && *size != "medium");
        TYPES
            .offers
            .iter()
            .flat_map(|(family, price)| sizes().filter_map(move |size| of(family, size, *price)))
            .collect()
    }
}

/// The part of the memory that the kernel leaves.
const LEFT_OF_MEMORY: f64 = 0.943;

impl Hardware {
    /// The hardware of an instance type; none where there is no such type.
    pub fn of(instance_type: &str) -> Option<Self> {
        let (family, size) = instance_type.split_once('.')?;
        let generation = family.find(|letter: char| letter.is_ascii_digit())?;
        let (class, rest) = family.split_at(generation);
        let arm = rest.contains('g');
        if class == "t" {
            let size = TYPES.burstable.get(size)?;
            return Some(Self { cpu: size.cpu, memory: size.memory, pods: size.pods, arm });
        }
        let per_processor = TYPES.classes.get(class)?;
        let size = TYPES.sizes.get(size)?;
        Some(Self { cpu: size.cpu, memory: per_processor * f64::from(size.cpu), pods: size.pods, arm })
    }

    /// Memory that its node shows, in KiB.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "amounts are small and positive")]
    pub fn capacity_memory(self) -> u64 {
        (self.memory * LEFT_OF_MEMORY * 1024.0 * 1024.0) as u64
    }

    /// Memory that Pods may use, in KiB: less what EKS keeps for the kubelet by the number of Pods, and what is never used up.
    pub fn allocatable_memory(self) -> u64 {
        self.capacity_memory().saturating_sub((255 + 11 * u64::from(self.pods) + 100) * 1024)
    }

    /// Thousandths of processors that Pods may use: less 6 % of the first, 1 % of the second, half a percent of the next two and a
    /// quarter of a percent of the others.
    pub fn allocatable_cpu(self) -> u32 {
        let tenths = (0..self.cpu).map(|processor| match processor {
            0 => 600,
            1 => 100,
            2 | 3 => 50,
            _ => 25,
        });
        self.cpu * 1000 - tenths.sum::<u32>() / 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_cheap_where_they_are_small() {
        let all = Offer::all();
        let cheapest = |class: &str| {
            let of_class = all.iter().filter(|offer| offer.class == class && !offer.hardware.arm);
            of_class.min_by(|a, b| a.price.total_cmp(&b.price)).unwrap().name.clone()
        };
        assert_eq!((cheapest("c"), cheapest("m")), ("c6a.large".to_owned(), "m5a.large".to_owned()));
        assert!(all.iter().all(|offer| offer.generation.parse::<u32>().is_ok()));
    }

    #[test]
    fn types_have_what_their_names_say() {
        let large = Hardware::of("m5.large").unwrap();
        assert_eq!((large.cpu, large.pods, large.arm, large.allocatable_cpu()), (2, 29, false, 1930));
        assert!((large.memory - 8.0).abs() < f64::EPSILON);
        let graviton = Hardware::of("t4g.medium").unwrap();
        assert_eq!((graviton.cpu, graviton.pods, graviton.arm), (2, 17, true));
        assert!(Hardware::of("c6gn.4xlarge").unwrap().arm && !Hardware::of("c5ad.large").unwrap().arm);
        for none in ["large", "m5", "m5.huge", "q9.large", ""] {
            assert!(Hardware::of(none).is_none(), "{none}");
        }
    }
}
