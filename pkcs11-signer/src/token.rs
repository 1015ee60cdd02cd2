//! `Key`: one Ed25519 key on one token. Of several that the URI could mean none is taken.

use aisoc_signing::{Pkcs11Uri, PublicKey};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use crate::module;
use crate::refusal::Refusal;

/// How a DER octet string of 32 bytes begins, in which PKCS#11 2.40 has the point; 3.0 has it bare.
const OCTET_STRING: [u8; 2] = [0x04, 0x20];

/// A private key on an open token.
pub(crate) struct Key {
    session: Session,
    private: ObjectHandle,
}

impl Key {
    /// Opens the token, with its PIN if there is one, and finds the key.
    pub(crate) fn open(uri: &Pkcs11Uri, pin: Option<&str>) -> Result<Self, Refusal> {
        let module = module::load(uri)?;
        let slot = slot_of(&module, uri)?;
        let session = module.open_ro_session(slot).map_err(Refusal::by_module("the token cannot be opened"))?;
        if let Some(pin) = pin {
            let logged_in = session.login(UserType::User, Some(&AuthPin::new(pin.into())));
            logged_in.map_err(Refusal::by_module("the token does not open"))?;
        }
        let private = one(&session, &template(uri, ObjectClass::PRIVATE_KEY), "private key")?;
        Ok(Self { session, private })
    }

    /// The public half, from the object beside the private one that has its id.
    pub(crate) fn public_key(&self) -> Result<PublicKey, Refusal> {
        let failed = Refusal::by_module("the public key cannot be read");
        let id = self.session.get_attributes(self.private, &[AttributeType::Id]).map_err(&failed)?;
        let mut wanted = vec![Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::KeyType(KeyType::EC_EDWARDS)];
        wanted.extend(id);
        let public = one(&self.session, &wanted, "public key with the id of the private one")?;
        let point = self.session.get_attributes(public, &[AttributeType::EcPoint]).map_err(&failed)?;
        let [Attribute::EcPoint(point)] = point.as_slice() else {
            return Err(Refusal::of("the public key on the token has no point"));
        };
        let bytes = if point.len() == 34 { point.strip_prefix(&OCTET_STRING) } else { Some(point.as_slice()) };
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| Refusal::of("the public key on the token is no Ed25519 key"))?;
        PublicKey::from_bytes(&bytes).map_err(|fault| Refusal::of(fault.message()))
    }

    /// A signature, made on the token.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], Refusal> {
        let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        let signature = self.session.sign(&mechanism, self.private, message);
        let signature = signature.map_err(Refusal::by_module("the token does not sign"))?;
        signature.try_into().map_err(|_| Refusal::of("the token gave a signature of another length"))
    }
}

fn template(uri: &Pkcs11Uri, class: ObjectClass) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS)];
    template.extend(uri.text("object").map(|label| Attribute::Label(label.into())));
    template.extend(uri.bytes("id").map(|id| Attribute::Id(id.to_vec())));
    template
}

fn one(session: &Session, template: &[Attribute], what: &str) -> Result<ObjectHandle, Refusal> {
    let found = session.find_objects(template).map_err(Refusal::by_module("the token cannot be searched"))?;
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            Err(Refusal::of(format!("the token has no such Ed25519 {what}; a private key is seen with the PIN alone")))
        }
        several => Err(Refusal::of(format!("the token has {} of that {what}; name `object` and `id`", several.len()))),
    }
}

fn slot_of(module: &Pkcs11, uri: &Pkcs11Uri) -> Result<Slot, Refusal> {
    let failed = Refusal::by_module("the tokens cannot be listed");
    let (mut matching, mut labels) = (Vec::new(), Vec::new());
    for slot in module.get_slots_with_token().map_err(&failed)? {
        let token = module.get_token_info(slot).map_err(&failed)?;
        if !token.token_initialized() {
            continue;
        }
        labels.push(format!("`{}`", token.label()));
        if is_meant(uri, slot, &token) {
            matching.push(slot);
        }
    }
    match matching.as_slice() {
        [only] => Ok(*only),
        [] => Err(Refusal { words: format!("there is no such token, but {}", listed(&labels)), may_pass: true }),
        several => {
            Err(Refusal::of(format!("{} tokens are meant, of {}; name `serial`", several.len(), listed(&labels))))
        }
    }
}

fn listed(labels: &[String]) -> String {
    if labels.is_empty() { "none at all".to_owned() } else { labels.join(", ") }
}

fn is_meant(uri: &Pkcs11Uri, slot: Slot, token: &TokenInfo) -> bool {
    let slot = slot.id().to_string();
    let stated = [
        ("token", token.label()),
        ("manufacturer", token.manufacturer_id()),
        ("model", token.model()),
        ("serial", token.serial_number()),
        ("slot-id", &slot),
    ];
    stated.iter().all(|(name, found)| uri.text(name).is_none_or(|wanted| wanted == *found))
}
