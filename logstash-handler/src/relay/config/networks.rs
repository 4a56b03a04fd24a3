use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use std::net::IpAddr;

/// Addresses and networks, such as `["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Networks(Vec<IpNet>);

impl Networks {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is one of them, or in one of them.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        // Who comes over IPv4 to a socket of IPv6 has an address that is mapped.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        if texts.is_empty() {
            // What a template leaves empty must not open a door.
            return Err(serde::de::Error::custom("the list is empty: leave the key out, or name addresses"));
        }
        let network = |text: &String| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
                let text =
                    format!("{text:?} is no address and no network; write it like 10.1.2.3 or 10.0.0.0/8");
                serde::de::Error::custom(text)
            })
        };
        texts.iter().map(network).collect::<Result<_, _>>().map(Self)
    }
}
