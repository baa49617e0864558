//! Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body` (`03-erp-hr-webhooks.md` section 5).
//!
//! Several keys sign side by side, so that a key can be changed without a gap. Deliberately absent: ed25519 (`v1a`).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A symmetric signing key. Never prints itself.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

/// Why a text is no signing key. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing was there.
    #[error("read the signing secret: it is empty (wanted whsec_ and base64, or any other text)")]
    Empty,
    /// What follows `whsec_` is not base64.
    #[error("read the signing secret: what follows whsec_ is not base64")]
    NotBase64,
}

impl SigningKey {
    /// From `whsec_` and base64, or from any other text, whose bytes are the key. White space around it is not part
    /// of it.
    ///
    /// # Errors
    /// [`KeyError`] when it is empty, or not base64 behind `whsec_`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = match text.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| KeyError::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        // HMAC takes keys of every length.
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| KeyError::Empty)
    }

    /// `v1,` and the signature in base64. `seconds` is the time of the attempt, since the epoch.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        format!(
            "v1,{}",
            STANDARD.encode(self.mac(id, seconds, body).finalize().into_bytes())
        )
    }

    /// Whether one of the signatures in a header is this key's; takes the same time whichever byte is wrong.
    pub fn verify(&self, id: &str, seconds: i64, body: &[u8], header: &str) -> bool {
        let ours = |one: &str| {
            let given = one.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            given.is_some_and(|given| self.mac(id, seconds, body).verify_slice(&given).is_ok())
        };
        header.split_ascii_whitespace().any(ours)
    }

    fn mac(&self, id: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<signing key>")
    }
}

/// The value of `webhook-signature`: one signature for each key, separated by spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(pub String);

impl Signature {
    /// Signs with every key; `None` without a key.
    pub fn of(keys: &[SigningKey], id: &str, seconds: i64, body: &[u8]) -> Option<Self> {
        let signed: Vec<String> = keys.iter().map(|key| key.sign(id, seconds, body)).collect();
        (!signed.is_empty()).then(|| Self(signed.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_cHVuY2hnYXRlLXdlYmhvb2stc2VjcmV0LTMyYnl0ZXM=";
    const ID: &str = "evt_01J0000000000000000000TEST";
    const BODY: &[u8] = br#"{"type":"org.punchgate.punch.verified.v1","timestamp":"2026-03-02T00:52:10Z","data":{"employee_id":"E1001"}}"#;
    const SIGNED: &str = "v1,J1uO2iSF1OvtBe2UExGthAFgq3JDtAYpnflDj1EyUeY=";

    #[test]
    fn the_sheets_vector_is_reproduced() {
        let key = SigningKey::parse(SECRET).expect("a key");
        assert_eq!(key.sign(ID, 1_772_412_730, BODY), SIGNED);
        assert!(key.verify(ID, 1_772_412_730, BODY, SIGNED));
    }

    #[test]
    fn a_change_to_anything_signed_is_noticed() {
        let key = SigningKey::parse(SECRET).expect("a key");
        assert!(!key.verify(ID, 1_772_412_731, BODY, SIGNED));
        assert!(!key.verify("evt_other", 1_772_412_730, BODY, SIGNED));
        assert!(!key.verify(ID, 1_772_412_730, b"{}", SIGNED));
        for wrong in [
            "",
            "v1,",
            "v1,!!",
            "v1a,J1uO2iSF1OvtBe2UExGthAFgq3JDtAYpnflDj1EyUeY=",
            "v1,AAAA",
        ] {
            assert!(!key.verify(ID, 1_772_412_730, BODY, wrong), "{wrong}");
        }
    }

    #[test]
    fn while_a_key_is_changed_both_keys_verify() {
        let old = SigningKey::parse(SECRET).expect("a key");
        let new = SigningKey::parse("plain words are a key too\n").expect("a key");
        let Signature(header) = Signature::of(&[old.clone(), new.clone()], ID, 1, BODY).expect("signed");
        assert!(old.verify(ID, 1, BODY, &header) && new.verify(ID, 1, BODY, &header));
        assert_eq!(Signature::of(&[], ID, 1, BODY), None);
    }

    #[test]
    fn a_bad_secret_is_refused_without_repeating_it() {
        assert_eq!(SigningKey::parse(" \n").err(), Some(KeyError::Empty));
        assert_eq!(SigningKey::parse("whsec_").err(), Some(KeyError::Empty));
        assert_eq!(SigningKey::parse("whsec_***").err(), Some(KeyError::NotBase64));
        assert_eq!(format!("{:?}", SigningKey::parse(SECRET)), "Ok(<signing key>)");
    }
}
