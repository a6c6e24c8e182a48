//! Addresses and the ports that a cluster hands out.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Kind, Word};

/// Masks at least this long name a host or a network interface's prefix; shorter ones are networks that a lesson chose.
const HOST_MASK: u8 = 24;

/// Who can reach an address. An address may stand for another of its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Reach {
    /// Loopback, unspecified, link-local, broadcast: constants, equal everywhere.
    Fixed,
    /// A private network.
    Private,
    /// The internet.
    Public,
}

/// The reach of an address; `None` when it is none.
pub(in super::super) fn reach(text: &str) -> Option<Reach> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        let fixed =
            address.is_loopback() || address.is_unspecified() || address.is_link_local() || address.is_broadcast();
        let shared = address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]);
        return Some(match () {
            () if fixed => Reach::Fixed,
            () if address.is_private() || shared => Reach::Private,
            () => Reach::Public,
        });
    }
    let address = text.parse::<Ipv6Addr>().ok()?;
    let fixed = address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local();
    Some(match () {
        () if fixed => Reach::Fixed,
        () if address.is_unique_local() => Reach::Private,
        () => Reach::Public,
    })
}

pub(super) fn recognise(word: Word<'_>) -> Option<(Kind, usize)> {
    masked_address(word).or_else(|| mac(word)).or_else(|| ipv4(word)).or_else(|| node_port(word)).or_else(|| ipv6(word))
}

fn ipv4(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(|b| b.is_ascii_digit() || b == b'.');
    if !(7..=16).contains(&length) || matches!(word.previous(), b'.' | b'v') {
        return None;
    }
    let text = word.slice(length).trim_end_matches('.');
    text.parse::<Ipv4Addr>().ok()?;
    let length = text.len();
    let next = word.peek(length);
    if next.is_ascii_alphanumeric() || next == b'_' || (next == b'-' && word.peek(length + 1).is_ascii_alphanumeric()) {
        return None;
    }
    if next == b'/' {
        let mask = Word { at: word.at + length + 1, ..word };
        let digits = mask.run(|b| b.is_ascii_digit());
        if (1..=2).contains(&digits) && mask.slice(digits).parse::<u8>().is_ok_and(|mask| mask < HOST_MASK) {
            return None;
        }
    }
    Some((Kind::Address, length))
}

/// Six pairs of hexadecimal digits between colons.
fn mac(word: Word<'_>) -> Option<(Kind, usize)> {
    let rest = word.rest().get(..17)?;
    let shaped = rest.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b':' } else { b.is_ascii_hexdigit() });
    let next = word.peek(17);
    (shaped && next != b':' && !next.is_ascii_alphanumeric()).then_some((Kind::HardwareAddress, 17))
}

fn ipv6(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(|b| b.is_ascii_hexdigit() || b == b':');
    let text = word.slice(length).trim_end_matches(':');
    if text.bytes().filter(|&b| b == b':').count() < 3 || word.peek(text.len()).is_ascii_alphanumeric() {
        return None;
    }
    text.parse::<Ipv6Addr>().ok().map(|_| (Kind::Address, text.len()))
}

/// `XXX.XXX.XXX.XXX`, `XXXX:XXXX:XXXX:XXXX::XXXX`: where the page masks an address.
fn masked_address(word: Word<'_>) -> Option<(Kind, usize)> {
    if !matches!(word.bytes.get(word.at), Some(b'X' | b'x')) {
        return None;
    }
    let length = word.run(|b| matches!(b, b'X' | b'x' | b'.' | b':'));
    let text = word.slice(length).trim_end_matches(['.', ':']);
    let groups = text.split(['.', ':']).filter(|group| group.len() >= 2).count();
    (groups >= 4 && !word.peek(text.len()).is_ascii_alphanumeric()).then_some((Kind::Address, text.len()))
}

/// A port in the default NodePort range, where a port stands: behind a colon and ahead of a protocol.
fn node_port(word: Word<'_>) -> Option<(Kind, usize)> {
    let digits = word.run(|b| b.is_ascii_digit());
    if digits != 5 || !(30000..=32767).contains(&word.slice(5).parse::<u32>().ok()?) {
        return None;
    }
    let rest = word.rest().get(5..)?;
    (rest.starts_with(b"/TCP") || rest.starts_with(b"/UDP")).then_some((Kind::NodePort, 5))
}
