//! Host names that the AWS Load Balancer Controller makes: `k8s-NAMESPACE-NAME-HASH`, then what ELB appends.
//!
//! An Application Load Balancer is at `….REGION.elb.amazonaws.com`, a Network Load Balancer at `….elb.REGION.amazonaws.com`. Two
//! hosts of one sort are compared part by part like other text. Where a page was recorded with the other sort of load balancer, in
//! front of the same application, or shortens or masks what is generated, the parts don't line up; the host as a whole then stands
//! for the other.

use super::values::region_at;

/// What the host says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host<'a> {
    namespace: &'a str,
    name: &'a str,
    generated: &'a str,
    /// The region.
    pub(super) region: &'a str,
    network: bool,
    /// The host as it is written.
    pub(super) text: &'a str,
}

impl<'a> Host<'a> {
    /// The host that begins at `at`.
    pub(super) fn at(text: &'a str, at: usize) -> Option<Self> {
        let rest = text.get(at..).filter(|rest| rest.starts_with("k8s-"))?;
        let length = rest
            .bytes()
            .take(160)
            .take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
            .count();
        let (label, domain) = rest[..length].split_once('.')?;
        let (network, at) = match domain.strip_prefix("elb.") {
            Some(at) => (true, at),
            None => (false, domain),
        };
        let region = &at[..region_at(at.as_bytes(), 0)?];
        let ending = if network { ".amazonaws.com" } else { ".elb.amazonaws.com" };
        if !at[region.len()..].starts_with(ending) {
            return None;
        }
        let mut parts = label.splitn(4, '-').skip(1);
        let (namespace, name, generated) = (parts.next()?, parts.next()?, parts.next()?);
        let written = label.len() + 1 + (domain.len() - at.len()) + region.len() + ending.len();
        (!generated.is_empty()).then_some(Self { namespace, name, generated, region, network, text: &rest[..written] })
    }

    /// Whether the page's host is that of the same application and can't be compared part by part: behind the other sort of load
    /// balancer (`ui` and `ui-auto` in one namespace are one application, `ui` and `catalog` are not), or with fewer or more parts.
    pub(super) fn stands_for(&self, page: &Self) -> bool {
        let parts = |host: &Self| host.generated.split('-').count();
        let same = self.name == page.name && parts(self) != parts(page);
        let other_sort =
            self.network != page.network && (self.name.starts_with(page.name) || page.name.starts_with(self.name));
        self.namespace == page.namespace && (same || other_sort)
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    fn host(text: &str) -> Host<'_> {
        Host::at(text, 0).unwrap_or_else(|| panic!("{text} is a host"))
    }

    #[test]
    fn both_sorts_are_read() {
        let application = host("k8s-ui-uiauto-cb8129ddff-1888909706.us-west-2.elb.amazonaws.com/home");
        assert_eq!((application.region, application.network), ("us-west-2", false));
        assert_eq!(application.text, "k8s-ui-uiauto-cb8129ddff-1888909706.us-west-2.elb.amazonaws.com");
        let network = host("k8s-ui-uinlb-e1c1ebaeb4-28a0d1a388d43825.elb.eu-west-1.amazonaws.com");
        assert_eq!((network.region, network.network), ("eu-west-1", true));
        for other in
            ["k8s-ui", "k8s-ui-ui.us-west-2.elb.amazonaws.com", "k8s-ui-ui-1.example.com", "ui.elb.amazonaws.com"]
        {
            assert_eq!(Host::at(other, 0), None, "{other}");
        }
    }

    #[test]
    fn one_application_behind_the_other_sort() {
        let page = host("k8s-ui-ui-a9797f0f61.elb.us-west-2.amazonaws.com");
        for (actual, same) in [
            ("k8s-ui-uiauto-27c2961d5a-3714078.us-west-2.elb.amazonaws.com", true),
            ("k8s-ui-catalog-27c2961d5a-3714078.us-west-2.elb.amazonaws.com", false),
            ("k8s-catalog-ui-27c2961d5a-3714078.us-west-2.elb.amazonaws.com", false),
            // Of one sort: part by part.
            ("k8s-ui-uiauto-27c2961d5a.elb.us-west-2.amazonaws.com", false),
        ] {
            assert_eq!(host(actual).stands_for(&page), same, "{actual}");
        }
    }

    #[test]
    fn what_a_page_shortens_or_masks() {
        let own = host("k8s-ui-ui-27c2961d5a-3714078.us-west-2.elb.amazonaws.com");
        for (page, same) in [
            ("k8s-ui-ui-1268651632.us-west-2.elb.amazonaws.com", true),
            ("k8s-ui-ui-xxxxxxxxxx.us-west-2.elb.amazonaws.com", true),
            ("k8s-ui-catalog-1268651632.us-west-2.elb.amazonaws.com", false),
            ("k8s-catalog-ui-1268651632.us-west-2.elb.amazonaws.com", false),
            // Part by part.
            ("k8s-ui-ui-0123456789-1268651632.us-west-2.elb.amazonaws.com", false),
        ] {
            assert_eq!(own.stands_for(&host(page)), same, "{page}");
        }
    }
}
