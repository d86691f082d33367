//! The Merkle tree of RFC 6962 (section 2.1, the same in RFC 9162) over the journal: what its proofs are made of.
//!
//! The leaf of event `n` has the number `n - 1`; its data are the 32 bytes of the event's hash in the chain. That hash covers the event and,
//! through it, all before: so the tree can be built from the column `hash` alone, and is checked with the chain in one reading.

use sha2::{Digest, Sha256};

/// A hash of the chain or of the tree.
pub type Hash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// The hash of a node over its two children.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The complete subtrees of a tree that grows on its right, the largest first: all that is needed to let it grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, and tells of every complete subtree it ends: its height above the leaves and its hash.
    pub fn push(&mut self, leaf: Hash, made: impl FnMut(u32, &Hash)) {
        self.push_subtree(0, leaf, made);
    }

    /// Adds a complete subtree of `2^height` leaves. The size must be a multiple of that.
    pub fn push_subtree(&mut self, height: u32, hash: Hash, mut made: impl FnMut(u32, &Hash)) {
        debug_assert_eq!(self.size % (1 << height), 0, "a subtree stands at a multiple of its size");
        let (mut hash, mut above) = (hash, height);
        while self.size >> above & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node(&left, &hash);
            above += 1;
            made(above, &hash);
        }
        self.peaks.push(hash);
        self.size += 1 << height;
    }

    /// Adds all leaves of another, which begins where this one ends. The size must be a multiple of the other's
    /// largest subtree.
    pub fn append(&mut self, other: &Self) {
        let mut heights = (0..u64::BITS).rev().filter(|height| other.size >> height & 1 == 1);
        for peak in &other.peaks {
            if let Some(height) = heights.next() {
                self.push_subtree(height, *peak, |_, _| {});
            }
        }
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
        }
    }
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// What proves that the leaf `index` is in the tree of `size` leaves. `root` gives the root over the leaves of a range.
///
/// # Errors
/// When `root` cannot.
pub fn inclusion<E>(index: u64, size: u64, mut root: impl FnMut(u64, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let (mut from, mut to) = (0, size);
    let mut siblings = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            siblings.push(root(middle, to)?);
            to = middle;
        } else {
            siblings.push(root(from, middle)?);
            from = middle;
        }
    }
    siblings.reverse();
    Ok(siblings)
}

/// What proves that the tree of `old` leaves is the beginning of the one of `new` leaves. `root` gives the root over the
/// leaves of a range.
///
/// # Errors
/// When `root` cannot.
pub fn consistency<E>(old: u64, new: u64, mut root: impl FnMut(u64, u64) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let (mut from, mut to, mut is_known) = (0, new, true);
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(root(middle, to)?);
            to = middle;
        } else {
            proof.push(root(from, middle)?);
            from = middle;
            is_known = false;
        }
    }
    if !is_known {
        proof.push(root(from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether a proof shows that a leaf with this hash is number `index` of the tree of `size` leaves with this root
/// (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that the tree of `new.0` leaves goes on from the one of `old.0` leaves, each with its root
/// (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    if old.0 == new.0 {
        return proof.is_empty() && old.1 == new.1;
    }
    if old.0 > new.0 {
        return false;
    }
    if old.0 == 0 {
        return proof.is_empty();
    }
    let mut path = proof.iter();
    let first = if old.0.is_power_of_two() { Some(old.1) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut place, mut last) = (old.0 - 1, new.0 - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            before = node(sibling, &before);
            after = node(sibling, &after);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            after = node(&after, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old.1 && after == *new.1
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// The leaves and roots of the tests of Certificate Transparency's reference implementation (`merkletree`), which
    /// others use as the test vectors of RFC 6962.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn hash(text: &str) -> Hash {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    fn leaves(count: u64) -> Vec<Hash> {
        match usize::try_from(count) {
            Ok(count) if count <= LEAVES.len() => {
                LEAVES[..count].iter().map(|data| leaf(&hex::decode(data).unwrap())).collect()
            }
            _ => (0..count).map(|number| leaf(&number.to_be_bytes())).collect(),
        }
    }

    /// The definition of section 2.1, word for word.
    fn root_of(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            more => {
                let (left, right) = more.split_at(usize::try_from(split(more.len() as u64)).unwrap());
                node(&root_of(left), &root_of(right))
            }
        }
    }

    fn within(leaves: &[Hash]) -> impl Fn(u64, u64) -> Result<Hash, Infallible> + '_ {
        |from, to| Ok(root_of(&leaves[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()]))
    }

    #[test]
    fn roots_are_those_of_the_test_vectors() {
        let empty = Frontier::default().root();
        assert_eq!(empty, hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        let mut frontier = Frontier::default();
        for (size, leaf) in leaves(8).into_iter().enumerate() {
            frontier.push(leaf, |_, _| {});
            assert_eq!(frontier.root(), hash(ROOTS[size]), "{} leaves", size + 1);
        }
    }

    #[test]
    fn proofs_are_those_of_the_test_vectors() {
        let leaves = leaves(8);
        let inclusion = |index, size| inclusion(index, size, within(&leaves)).unwrap();
        let wanted = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(inclusion(0, 8), wanted.map(hash));
        assert_eq!(inclusion(0, 1), Vec::<Hash>::new());
        let wanted = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(inclusion(5, 8), wanted.map(hash));
        let wanted = ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"];
        assert_eq!(inclusion(2, 3), wanted.map(hash));

        let consistency = |old, new| consistency(old, new, within(&leaves)).unwrap();
        assert_eq!(consistency(1, 1), Vec::<Hash>::new());
        let wanted = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(consistency(1, 8), wanted.map(hash));
        let wanted = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(consistency(6, 8), wanted.map(hash));
        let wanted = [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ];
        assert_eq!(consistency(2, 5), wanted.map(hash));
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other() {
        for size in 1..=40_u64 {
            let leaves = leaves(size);
            let root = root_of(&leaves);
            for index in 0..size {
                let own = &leaves[usize::try_from(index).unwrap()];
                let proof = inclusion(index, size, within(&leaves)).unwrap();
                assert!(is_included(own, index, size, &proof, &root), "{index} of {size}");
                assert!(!is_included(&leaf(b"other"), index, size, &proof, &root));
                assert!(!is_included(own, index + 1, size, &proof, &root) || size == 1, "{index} of {size}");
                let mut longer = proof.clone();
                longer.push(root);
                assert!(!is_included(own, index, size, &longer, &root));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!is_included(own, index, size, shorter, &root));
                }
            }
            for old in 1..=size {
                let before = root_of(&leaves[..usize::try_from(old).unwrap()]);
                let proof = consistency(old, size, within(&leaves)).unwrap();
                assert!(is_consistent((old, &before), (size, &root), &proof), "{old} to {size}");
                assert!(!is_consistent((old, &leaf(b"other")), (size, &root), &proof), "{old} to {size}");
                assert!(!is_consistent((old, &before), (size, &leaf(b"other")), &proof));
                for spoilt in 0..proof.len() {
                    let mut other = proof.clone();
                    other[spoilt][7] ^= 1;
                    assert!(!is_consistent((old, &before), (size, &root), &other), "{old} to {size}: {spoilt}");
                }
            }
        }
    }

    #[test]
    fn trees_put_together_are_the_tree_of_all() {
        let leaves = leaves(50);
        let grown = |leaves: &[Hash]| {
            let mut frontier = Frontier::default();
            leaves.iter().for_each(|leaf| frontier.push(*leaf, |_, _| {}));
            frontier
        };
        let mut whole = grown(&leaves[..32]);
        whole.append(&grown(&leaves[32..]));
        assert_eq!(whole, grown(&leaves));
        assert_eq!((whole.size(), whole.root()), (50, root_of(&leaves)));
    }
}
