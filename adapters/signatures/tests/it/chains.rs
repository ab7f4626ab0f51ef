//! Certificates by the authorities that issued them, and what looks like such.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, NameConstraints, PKCS_RSA_SHA256, date_time_ymd,
};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::Cause;
use tradewind_signatures::sns::is_issuer;
use tradewind_signatures::{Authorities, Chain};

type Issuer = CertifiedIssuer<'static, KeyPair>;
const NAME: &str = "sns.amazonaws.com";

/// 1 July of a year.
fn july(year: i32) -> SystemTime {
    let at = date_time_ymd(year, 7, 1).unix_timestamp();
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap())
}

/// A key of RSA, which takes a while to make.
fn rsa() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap())
}

/// Valid from the beginning of 2029 to the end of 2031.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2029, 1, 1);
    params.not_after = date_time_ymd(2032, 1, 1);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn root() -> Issuer {
    CertifiedIssuer::self_signed(authority("root"), key()).unwrap()
}

fn below(params: CertificateParams, issuer: &Issuer) -> Issuer {
    CertifiedIssuer::signed_by(params, key(), issuer).unwrap()
}

fn leaf(params: CertificateParams, issuer: &Issuer) -> String {
    params.signed_by(rsa(), issuer).unwrap().pem()
}

fn judge(pem: &str, root: &str, now: SystemTime) -> Result<(), Cause> {
    let authorities = Authorities::read(root.as_bytes()).unwrap();
    let chain = Chain::read(pem.as_bytes()).unwrap();
    let told = chain.trusted(&authorities, None, now);
    told.map(drop).map_err(|fault| fault.cause)
}

#[test]
fn what_an_authority_vouches_for() {
    let root = root();
    let between = below(authority("between"), &root);
    let issued = leaf(params(NAME), &between);
    let whole = issued.clone() + &between.pem();
    for (pem, trusted) in [
        (whole.clone(), root.pem()),
        (whole.clone() + &root.pem(), root.pem()),
        // Certificates that have nothing to do with it.
        (
            issued.clone() + &self::root().pem() + &between.pem(),
            root.pem(),
        ),
        (issued.clone(), between.pem()),
        (leaf(params(NAME), &root), root.pem()),
        (whole, self::root().pem() + &root.pem()),
    ] {
        assert_eq!(judge(&pem, &trusted, july(2030)), Ok(()), "{pem}");
    }
    let authorities = Authorities::read(root.pem().as_bytes()).unwrap();
    let chain = Chain::read(issued.as_bytes()).unwrap();
    assert!(chain.trusted(&authorities, None, july(2030)).is_err());
    let more = between.der().to_vec();
    chain
        .trusted(&authorities, Some(&more), july(2030))
        .unwrap();
    // Once found, a path is remembered.
    chain.trusted(&authorities, None, july(2031)).unwrap();
    assert!(chain.trusted(&authorities, None, july(2033)).is_err());
}

#[test]
fn what_nobody_vouches_for() {
    let root = root();
    let between = below(authority("between"), &root);
    let good = leaf(params(NAME), &between) + &between.pem();
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params(NAME);
        change(&mut params);
        leaf(params, &between) + &between.pem()
    };
    let by = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = authority("between");
        change(&mut params);
        let between = below(params, &root);
        leaf(self::params(NAME), &between) + &between.pem()
    };
    let stranger = self::root();
    let theirs = below(authority("between"), &stranger);
    let mut holder = params("holder");
    holder.is_ca = IsCa::NoCa;
    let holder = below(holder, &between);
    let deep = {
        let mut issuer = below(authority("a"), &root);
        let mut pem = String::new();
        for name in ["b", "c", "d", "e", "f", "g", "h", "i"] {
            pem = issuer.pem() + &pem;
            issuer = below(authority(name), &issuer);
        }
        leaf(params(NAME), &issuer) + &issuer.pem() + &pem
    };
    let mut table = vec![
        (
            "self-signed",
            params(NAME).self_signed(rsa()).unwrap().pem(),
        ),
        (
            "the chain of a stranger",
            leaf(params(NAME), &theirs) + &theirs.pem(),
        ),
        (
            "the chain of a stranger with its root",
            leaf(params(NAME), &theirs) + &theirs.pem() + &stranger.pem(),
        ),
        (
            "a stranger's leaf beside our chain",
            leaf(params(NAME), &theirs) + &between.pem(),
        ),
        ("no certificate between", leaf(params(NAME), &between)),
        (
            "the root itself instead",
            leaf(params(NAME), &between) + &root.pem(),
        ),
        (
            "expired",
            with(&|p| p.not_after = date_time_ymd(2030, 1, 1)),
        ),
        (
            "not valid yet",
            with(&|p| p.not_before = date_time_ymd(2031, 1, 1)),
        ),
        (
            "for clients",
            with(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ),
        (
            "for code",
            with(&|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]),
        ),
        (
            "an authority's own",
            with(&|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        ),
        (
            "issued by who was expired",
            by(&|p| p.not_after = date_time_ymd(2030, 1, 1)),
        ),
        (
            "issued by who is not valid yet",
            by(&|p| p.not_before = date_time_ymd(2031, 1, 1)),
        ),
        ("issued by no authority", by(&|p| p.is_ca = IsCa::NoCa)),
        (
            "issued by one that says so",
            by(&|p| p.is_ca = IsCa::ExplicitNoCa),
        ),
        (
            "issued by a holder",
            leaf(params(NAME), &holder) + &holder.pem() + &between.pem(),
        ),
        (
            "issued for other names only",
            by(&|p| {
                p.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".into())],
                    excluded_subtrees: Vec::new(),
                })
            }),
        ),
        ("a path that is too long", deep),
    ];
    let mut short = authority("short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = below(short, &root);
    let under = below(authority("under"), &short);
    table.push((
        "below who may issue for holders only",
        leaf(params(NAME), &under) + &under.pem() + &short.pem(),
    ));
    for (why, pem) in &table {
        assert_eq!(
            judge(pem, &root.pem(), july(2030)),
            Err(Cause::UnknownKey),
            "{why}"
        );
    }
    assert_eq!(judge(&good, &root.pem(), july(2030)), Ok(()));
    for (year, pem) in [(2028, &good), (2033, &good)] {
        assert_eq!(
            judge(pem, &root.pem(), july(year)),
            Err(Cause::UnknownKey),
            "{year}"
        );
    }
    // A path ends with the first of its certificates, also where it was found before.
    let mut early = authority("early");
    early.not_after = date_time_ymd(2031, 1, 1);
    let early = below(early, &root);
    let pem = leaf(params(NAME), &early) + &early.pem();
    let authorities = Authorities::read(root.pem().as_bytes()).unwrap();
    let chain = Chain::read(pem.as_bytes()).unwrap();
    chain.trusted(&authorities, None, july(2030)).unwrap();
    assert!(chain.trusted(&authorities, None, july(2031)).is_err());
    // Bits flip anywhere: it is no certificate, or nobody's.
    let der = params(NAME).signed_by(rsa(), &root).unwrap().der().to_vec();
    let mut flipped = 0;
    for at in (0..der.len()).step_by(7) {
        let mut der = der.clone();
        der[at] ^= 1;
        let text = pem_of(&der);
        if let Ok(chain) = Chain::read(text.as_bytes()) {
            assert!(
                chain.trusted(&authorities, None, july(2030)).is_err(),
                "{at}"
            );
        }
        flipped += 1;
    }
    println!(
        "signatures: certificates, 6 chains trusted, {} negatives and {flipped} with a flipped bit refused",
        table.len() + 3
    );
}

fn pem_of(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

#[test]
fn files_without_authorities() {
    for text in [
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(Authorities::read(text.as_bytes()).is_err(), "{text}");
    }
    // A key that signs nothing that senders sign.
    let root = root();
    let other = params(NAME).signed_by(&key(), &root).unwrap().pem();
    assert!(Chain::read(other.as_bytes()).is_err());
    assert!(Chain::read(rsa().serialize_pem().as_bytes()).is_err());
}

#[test]
fn issuers_lie_at_amazon_only() {
    for good in [
        "http://crt.r2m01.amazontrust.com/r2m01.cer",
        "https://crt.sca1b.amazontrust.com/sca1b.crt",
    ] {
        assert!(is_issuer(good), "{good}");
    }
    for bad in [
        "",
        "ftp://crt.r2m01.amazontrust.com/r2m01.cer",
        "HTTP://crt.r2m01.amazontrust.com/r2m01.cer",
        "http://amazontrust.com/r2m01.cer",
        "http://.amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com.evil.example/r2m01.cer",
        "http://evil.example/crt.r2m01.amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com:80/r2m01.cer",
        "http://a@crt.r2m01.amazontrust.com/r2m01.cer",
        "http://evil.example#.amazontrust.com/r2m01.cer",
        "http://evil.example?.amazontrust.com/r2m01.cer",
        "http://evil.example\\.amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com/../r2m01.cer",
        "http://crt.r2m01.amazontrust.com/a/r2m01.cer",
        "http://crt.r2m01.amazontrust.com/r2m01.cer?x",
        "http://crt.r2m01.amazontrust.com/.cer",
        "http://crt.r2m01.amazontrust.com/r2m01",
        "http://crt.r2m01.amazontrust.com",
        "http://CRT.r2m01.amazontrust.com/r2m01.cer",
        "http://xamazontrust.com/r2m01.cer",
    ] {
        assert!(!is_issuer(bad), "{bad}");
    }
}
