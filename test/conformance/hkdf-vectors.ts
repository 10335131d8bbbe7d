/** A published vector of HKDF-SHA-512. */
export interface HkdfVector {
  readonly id: number
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly okm: string
}

/** From Wycheproof's hkdf_sha512_test.json: each kind of salt and info, and of the longest output what is derived here at most. */
export const hkdfVectors: readonly HkdfVector[] = [
  { id: 1, ikm: '24aeff2645e3e0f5494a9a102778c43a', salt: '', info: '', okm: 'dd2599840b09699c6200b5cba79002b3aa75c61b' },
  {
    id: 2,
    ikm: 'a23632e18ec76b59b1c87008da3f8a7e',
    salt: '',
    info: '',
    okm: 'c4af93d4bae9ca2b45f590cd3d2f539ff5749d7b0864fbe44a438d38a2f8e5afe01641145e389c989766',
  },
  {
    id: 3,
    ikm: 'a4748031a14d3e6aafe42aa20c568f5f',
    salt: '',
    info: '',
    okm: '62ea97e06051e40b79deb127a4da294f557cafa3d7a90a75c02064571dfbbe4699129bdcec4b39eed7757ce8e3571589f7d8f5523c0dc3fd6a56b099fb4bfd51',
  },
  {
    id: 6,
    ikm: '55fb6dcc7802354e55a45a6e41858c05',
    salt: '',
    info: 'dcd590e418b259c64fb9e139b3a1280d5de8400b',
    okm: '725ac2b568fa0308ea6baeb2175ae9a0d41f8be1af13057f0646ba56389a8f1d8a783da95fc7eee4897a0b1580f7987115e03508feedc335260a293f01afdb98',
  },
  {
    id: 9,
    ikm: '529e91a61895f1c4ceb5b6994f48783b',
    salt: '12e4ae515328983bab2d88da3cb32a95',
    info: '',
    okm: '9c40abb65d7ef9826758a9818668624907b2bc0d9ff6b80d60673d2fdd68418874f48bf1960d75e19c6594d7079b6b019d8e3ec98705a6b4886e122c9eab955e',
  },
  {
    id: 12,
    ikm: '7a00817689a3d79001825a864c69c120',
    salt: '08bc01c053a6406c7c4a667c9b9b3894',
    info: '967ccd75395be6e96a67759f070487c9e2107791',
    okm: 'aed987bcc5ed33c4feec7b28aa9fe1c16b1181e00ff42c63cf692ec19242f6d4628604b3382db0806d5e61518f83fc651e6f3bd0a9d1322926a76869b98b75d6',
  },
  {
    id: 18,
    ikm: 'd515f58eed428b2bac233c8538580e2f',
    salt: 'c2a3ad9db6621fceb7498c0e6287522077acd2d47b55c09d52e114943b37',
    info: '14de8cffd89e49275f69d2e1e6b43fa0c3775451',
    okm: '04039af015d1b63b0af171e0fc283c06d19a0e4b1093fa5f8c721d85580c52799f13d644543c2249497492f55029ce9cd19a29cd84acbc1488724941a3fc97fc',
  },
  {
    id: 20,
    ikm: '24a37db03dbcffbe9e28d582d0d8c60a',
    salt: '4c3d3b4f5436418713fbe2fbc4d647095ce5d5392dcfffd20327187e14fb68360b94c5122203292d8b648a754ab70f6d3d61e0650f06d55c4b5762cba0231e27',
    info: '8cd9e7b786a74bd370bae434e31a559bdf75d65f',
    okm: 'ea18185ff290f27480f625404a39d56582a1bcd8f74f97cfccb898ddf2611833ed57fa46e88e145b604d',
  },
  {
    id: 21,
    ikm: '83c6fa101a922bf4e0ab38c1853b82f8',
    salt: '7ea9bd3ed65fdbec456e4859209d0e87336b0a04bd342fccede6fa4cb12331789a9af13d3c96e955a74550883aa5a80e055ad7682a26c8b2343088d05f15f80d',
    info: 'c893d162bf0036e4',
    okm: 'c80c2cce5fc294e1e680e665bbd7aac8f4fc270436bf0d016022ef38a2c44790eee8cbbd7215e4a5664ab22c8228fb8eb384d120e1a7fe80eff18e03e8ff41fd3968470ba1cacf52ada34d31fcba1fbb7b6f5e4ed784b20e7b06d943e52cb8e795f4aaf4b4a9011af559d0cc7d7bada79c3c2b24d5bab8ad8608b8ee8f52ddd3',
  },
]
