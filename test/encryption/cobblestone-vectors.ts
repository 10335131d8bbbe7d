/** A published vector of C2SP chunked-encryption. */
export interface Vector {
  readonly id: number
  readonly comment: string
  readonly key: string
  readonly context: string
  /** The message: compressed by zlib, in hexadecimal, as it was published. */
  readonly message: string
  readonly aeadKey?: string
  readonly baseNonce?: string
  /** Bytes of the text, and its SHA-512; of the longest genuine beginning where the message is not valid. */
  readonly text?: readonly [length: number, sha512: string]
  readonly valid?: true
}

const yellow = '59454c4c4f57205355424d4152494e452059454c4c4f57205355424d4152494e'
const orange = '4f52414e4745205355424d4152494e45204f52414e4745205355424d4152494e'
const sevenBytes = 'e85f32a85f1d4f7c9b2d36d20eca8435d81253e7075e9dea069eb1b6da48daf92ef1797367b520d8a46c4f72cecb85b1daff8887fcb41721d39943d1952fc180'

/** From Wycheproof's c2sp_chunked_encryption_aes_256_gcm_test.json (Cobblestone-256); those of many chunks are left out. */
export const vectors: readonly Vector[] = [
  {
    id: 1,
    comment: 'empty message',
    key: yellow,
    context: '',
    message:
      '78da004800b7ff43a2e39431cbae0389d3fc86adf46f7c3a24de88d9311617e53f3164cc1d5dc738a66b97f0bf786565c31799c2f463d50a7e10046011dc6fc3c939e3a5db7affb6191551669554fb010000ffff4bc124df',
    aeadKey: '781b72bce3c966fffb09e5d596e1d21b029b21a9599852fb9b9f644e23b86ae8',
    baseNonce: 'f206a92ac0ba380c8e9e3843',
    text: [0, 'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e'],
    valid: true,
  },
  {
    id: 2,
    comment: 'short message, single chunk',
    key: yellow,
    context: '',
    message:
      '78da004f00b0ffa1a1b56f6db58cd1ede0c5c9db62aef20d3f96a6c594bb9252bb38122de91236502b42a1d7fcab820ffa292940d2f86add212cfa42c38df19d3cc9139ee61a5990d3db57433514229beea49a8a72bd010000ffffdb4f2a44',
    aeadKey: '14769f63d5e1008908efe8662d188e058d05be2ef94d5b4bc626bc33be412568',
    baseNonce: 'e73f670906cb3124dea731e1',
    text: [7, sevenBytes],
    valid: true,
  },
  {
    id: 3,
    comment: 'full chunk followed by short chunk',
    key: yellow,
    context: '',
    message:
      '78daecc0312b05010000e0ab33889449c9a0cb22b9ba89943f70a5fc02db1918582c6e757465a0db6eb11ad5a52e1383b2dca26c66a4647b75f55ebdf733def27d4f7ff71fd7e9db7137b778b1558707cdd27cf270d4177b2f7751f738d80e376f9ed7aaaf7c793dfa0d47ef2797b3e57ed6bf360100000000000000000000000000000030750bc9613ffc6cafd232cb57ebd3b320de5d29cedbf876a7da18ff7fffcc4c020000ffffea552abb',
    aeadKey: '11efba825aedcfcb8c1b1d8560ca277a5b29fe9597f9b5c82c11433108a97d47',
    baseNonce: '43efc7c07a2635f9bc0b6b6f',
    text: [16385, 'db9e441f318209d02c8eaedfa94be7a08d3414057835c80ecea2deb0b16438ff97ae6dac13a749efe4a24686b01dc0dfab756703e810cc164466cd5cce99b3e8'],
    valid: true,
  },
  {
    id: 4,
    comment: 'two full chunks followed by empty terminating chunk',
    key: yellow,
    context: '',
    message:
      '78daecd0bf2b05010000e057b7d8defc5296b788cda88ce495e10d4a51865726b2d09592e1ba18c8c5250bc748dde094410ccaea57ec2283888c57a6f767dcf27d7fc277bed777fc96e565eb3b5d1b7e1e8c5e6677ff3b0737ad93c7e946efd15d732359df1f5f196a4ffc66a7f5ab9db9783e9d7c2a1a5b35000000000000000000000000000000a0726998070f97f7edbf7acff2f6d8f58711000000000000000000000000000000a8dee7ebe6ed623093f49f45f1577938b2f053d49a03e1d4fb45dc590d9646bb010000ffff046e3552',
    aeadKey: 'b705250167fb9e3cec938c76ef122c3da83180f50e3270af97a48892d8c9673d',
    baseNonce: '4f3e7949e78497fcf4641a97',
    text: [32768, 'ccf53be90b5c9bc1aad1fb9b37e86fd60ca86a41401051e636c41e8ddc61b574d6767d16f035f18391c21ff24d1fa5171c5a537685e7197532884845bf7e990b'],
    valid: true,
  },
  {
    id: 6,
    comment: 'full chunk followed by empty terminating chunk',
    key: yellow,
    context: '',
    message:
      '78daecc0ad4a0301000060c560f019c49faca0ed821ea2588c62100541cc2746413841835a7c018b20076a325dd4032d8eb5856361db2d6d6c8b2b838ded3156beeff3fce3e4eb20e9fcf5aaedb07ffb589b1f657190fee7f16f763d3bdcf9ce8aabe5d74a145e5e1cdd6fad6c2c1ebead8d8b87c60c00000000000000000000000000000030759bfb7bc7ade6dcfa69ba5abf7bff79d92e3d07e585a7ddbcbb743648a29b49000000ffff4eef2f3b',
    aeadKey: '36920434f3bec8264d74ead196ac895ec88d380f6520e8f1d489ff214396df4f',
    baseNonce: 'ce1b2ad38de38773fd60877e',
    text: [16384, 'd787e0bf39e0d2e9a707b94bc77329f665286160744507f0fac9608e33a98994b6d9dd4a43a6326287d32b2e15d76e0de6a8818689698bee2ca419bf9bbedc02'],
    valid: true,
  },
  {
    id: 9,
    comment: 'short message with non-empty context string',
    key: yellow,
    context: '7465737420636f6e74657874',
    message:
      '78da004f00b0ffdbedaefc1c35dc6c0f22b743b03e488747166a51f33479e7ceb8b7e11cc0d2710f624a127501bc4aea7d0af6f83cfe359b9e69415aa537f36adf86eb35b070475baa039bb7791432adbca49578bbd3010000ffff2fed280a',
    aeadKey: '580dd69d5b20db77593dd1d6d48cfc766f87f8256039a744647da02670e32e06',
    baseNonce: '2baf384a0102fd69155740f4',
    text: [7, sevenBytes],
    valid: true,
  },
  {
    id: 10,
    comment: 'short message with context containing a null byte',
    key: yellow,
    context: '7465737400636f6e74657874',
    message:
      '78da004f00b0ff12ede102c3ef730da4f3d4dbfaf11003683238315befe73b21ebb2246ac19f3a7d50abd2a5a365f7652bda670814dbc883ce618256d2d513bd238c2c0dded7614d52bef77bc04273656df97a294323010000ffff7d862843',
    aeadKey: 'f2ca98b1ea2d5fb43efda14acece3121119c8dd6e7331864b185563fb21fd96d',
    baseNonce: 'e0fe388cf585eac9fe19150f',
    text: [7, sevenBytes],
    valid: true,
  },
  {
    id: 11,
    comment: 'single chunk with flipped ciphertext bit',
    key: yellow,
    context: '',
    message:
      '78da004900b6ff0093274a932cb4340ca678d500719d80ccc21f69c49586a8cae519f1ae94a13a97038610177fe840ac755f6604849272444b0de559508a2a00538b8dd8cc3a83e14df1343fa14630a2010000ffffc0482101',
  },
  {
    id: 12,
    comment: 'full chunk followed by corrupted short chunk',
    key: yellow,
    context: '',
    message:
      '78daecc0ad4ac4000000e09521d80c0605a351667218c422fee03308168b0856930ac2cc62108cda0493c19fe10f82a0ac0c847b80838383712c8c0dee388e7b8c2bdf7710c79fe5f1722f3f8be66f66ba2f69fd1f1e2eadbc3f2c14d5f7f34e180d374ea65afde47e77f6faf7e8ef6b6d2f9bdb4f1f3f0200000000000000000000000000000060e29eb68b41524e6fb59be6f2f462b50e9acee86eb3baca7fd6b3f3dbd7c5b771000000ffff405c31c6',
    text: [16384, 'e270350dd616dd76526056708020a47feb6e70de3dcb615b5e51c5388f428b00f9993f54d3b11bef9e911492de688a6b1cc0ce6cddbb0c9f2d6a2010ec622f16'],
  },
  {
    id: 13,
    comment: 'two full chunks with empty terminator, second chunk corrupted',
    key: yellow,
    context: '',
    message:
      '78daecd03f2b05010000f057cfa6f44c647bbadeeb2d46afa4fc2b259b229314dda49405d3ada84b9d5dbe833fb9c19f5516830e9b4224e96e51b7f918b7fc7e1fe177f0d84e6ea7663f0e778edec29ffe9b66393a3eb1de93a59f61233b5bbb6ca52ff15fbb361c9ddcd7df3783ed81ce5c305d74821a00000000000000000000000000000050b97cbf6fe561a9f7777137efae5ecf5f1901000000000000000000000000000080eabd3e7fedc54f17438dd656d98d364ec72607ebc9f7f2f1dd4c73a148cf47fe030000ffff92b93237',
    text: [16384, '6c9d8f13e180781f91ae5c36a873c70bdeb10002f24931f849f2576f28e112198a4797f729aaced8d7854760ef5f11ca0d4bb7ecf076d7d395edfccd7ebee0de'],
  },
  {
    id: 16,
    comment: 'single chunk truncated to remove authentication tag',
    key: yellow,
    context: '',
    message:
      '78dad270329c9ddec7ada418b04767c7923331ee2c87262f125d59a0c8be7373eb2fa924762df7ae29ded2bfa34de6579c357a702440af45d1be6fae3c03200000ffff94c01721',
  },
  {
    id: 17,
    comment: 'payload shorter than one authentication tag',
    key: yellow,
    context: '',
    message:
      '78da004400bbff679551dfcc4221c2c5f3dfcff2f94fcd7df0dc5d0dac8ceb294cda58ffffbe199532a141b16102b69550faa5e1315a3c823e58b9e3141839e1fd278b80a7dabc12eaa4ed010000ffff54b5266f',
  },
  {
    id: 18,
    comment: 'valid chunk followed by 20 trailing bytes',
    key: yellow,
    context: '',
    message:
      '78daecc0b12b4471000060bc0c86b7db142b13592d06457a0393986c945e49d9a4c46020834ca6b728e58d6f10c5abb798c4c0205ddd72755dfd5e5737ddfd19b77cdf751ec79d85a9b37a66fcf839dbbf99587d3a984fd64e8bc6df58952775b377f8b2d25abeba7f0dd1cfdd7bb27371723e375a3d8c0000000000000000000000000000000043d70f59372d8ff642f4fdff99defe7eec161b5f6f979b938f5bd3e5ecfae2523b6c0f020000ffffe358318d',
    text: [16384, '12881b761101772d290fb1357458c04d886fb48824ea5ad0f5db07cdf787cfabfd0f464fc6c38abc212d696378ec7843ad3683e17d3bcbc2fae842daf2e46004'],
  },
  {
    id: 20,
    comment: 'header only, no encrypted chunks',
    key: yellow,
    context: '',
    message:
      '78da003800c7ffe728f14e89526f8830991f461c0fd07601a246a0c94b753ba4fab29386d9e39e72d5e8955f709651b6dedb825c64c984364f74e1b6ac93d6010000ffff198a1ded',
  },
  {
    id: 21,
    comment: 'valid ciphertext with wrong commitment',
    key: yellow,
    context: '',
    message:
      '78da004900b6ffa7bf214ab87afe86ae30940aba6d25aa92d1c26a7c4de03ece1f5f63bd31ca5d9517ce97effb9ce62c4f01433335d070ca3de6243f4cb67a00a4deb622c6b80140d1c88f54ade32fdc010000ffff59a52514',
  },
  {
    id: 22,
    comment: 'valid ciphertext decrypted with wrong key',
    key: orange,
    context: '',
    message:
      '78da004900b6ffabeb3f4f4a3ea1f1f76bc25808b37063d4cb21425ca6a8b16271ed22f6a3f51ec7e7fa4dcef196179d3c77b5b42103766ae1975bae6ae0690079aa245e53811c13d45a553b0365b499010000ffffa0d324a1',
  },
  {
    id: 23,
    comment: 'valid ciphertext encrypted with too-short key',
    key: orange.slice(0, -2),
    context: '',
    message:
      '78da004900b6ff6ef808c1cd9f44167ca6def93900220263151ac63993ec688bd665a34ce4ef6ddcdef700c0a0d03f2cf4e9a9223e5beb44cf2b8648a517d800395459ad30bf0be4ebdf76177cab6b63010000ffff4e6c248e',
  },
  {
    id: 24,
    comment: 'valid ciphertext encrypted with too-long key',
    key: `${orange}45`,
    context: '',
    message:
      '78da004900b6ffa8216cfec9382688e31855498b1926ee6d34fa36b0923ab847f28096ca9cb85541317e5996a82aa8eb0aac8cdfdce37dbb44e2000c169b4a003a3e67f79899f915d167b39ea1d8cd1d010000ffff29f52485',
  },
  {
    id: 25,
    comment: 'valid ciphertext decrypted with wrong context',
    key: yellow,
    context: '77726f6e6720636f6e74657874',
    message:
      '78da004900b6ff36201844cafc0e596bec8782c560b7b1d065b90a94d227007f07a7185f0c1f449310232a0ff1d5667ece42aff4e7c0359df78ece43b312d50034c80236b5c7900f7eebe540d242b8eb010000ffffc64f22fe',
  },
  {
    id: 26,
    comment: 'valid ciphertext with corrupted salt',
    key: yellow,
    context: '',
    message:
      '78da004900b6ff7c510aa191fdb799b3715106fb9da30a3e314a08a12bf1eed6084369ad9560c21c856d0087e1206c5c1e9a994b3ca98542e0fe1ffef9e23c0091398606b7077f679901eea490bb8f6b010000fffff4792294',
  },
  { id: 27, comment: 'zero-length ciphertext, too short for header', key: yellow, context: '', message: '78da010000ffff00000001' },
  {
    id: 28,
    comment: 'only salt, no commitment',
    key: yellow,
    context: '',
    message: '78dacaefb91479802ffcd17ddfcda766ca0536acbc22d4d02b69a70e080000ffff9d580b79',
  },
  {
    id: 29,
    comment: 'salt and partial commitment (40 of 56 header bytes)',
    key: yellow,
    context: '',
    message: '78daba5fd8e42bfa7eee2a73b7044f1311beda6b4b2fb2b9e6f21f945dd469be9d83bdfd56d5ecc74dcbee6601020000ffff65f21245',
  },
  {
    id: 31,
    comment: 'full chunk without terminating empty chunk',
    key: yellow,
    context: '',
    message:
      '78daecc0a17281010000e0ed05f6005bd8edb6b6b2956db7b2b6853581843b89eaee0fff398993088222f93d8042f0272fa0090402f5578838e73194efdb546ebb0fe7f1f772300c82bfb7ed7ba691faa9dd3ff6abedf818164abf51b957ff9f4df7f364158f16e9fccbd35df6949bdc0000000000000000000000000000000057f7997c1cc2d7a8b34e76cf5fc556f3120000ffffbcaa2611',
    text: [16384, '41195cce0a2b8de596e8126784198485d93d5654b2b2dc0921a9600309c442463d884502ac3695246feee290960bea4ef7b293b3ab2aab00944680e65e45c5b8'],
  },
  {
    id: 33,
    comment: 'two full chunks plus short final chunk, chunks 0 and 1 swapped',
    key: yellow,
    context: '',
    message:
      '78daecd03f2b05010000f0b733ab4b6755a697e17c0352cacef292283bd3934591de88dea0a737bde53248397f4add7a9781c5ee884557eaf23f1fe396dfef23fc36d7c2fbe0f6baa8868eff5e8ee6d7df3e06cb930b717be37b38493a97fdf3a4d91b74b38760fcee77efabb7949e4463dd89a9d30600000000000000000000000000000050bb76da1af909f2e93c5c7cad5a8f9111000000000000000000000000000000a8dfe1ee41b49d75b63ecb99b3d99be668a37cbfa8c2fde795abd59da7b9b85ffc070000ffffa2eb3b6a',
  },
  {
    id: 35,
    comment: 'valid full chunk and short final chunk followed by extra encrypted chunk',
    key: yellow,
    context: '',
    message:
      '78daecc0b14a02010080e10b228a1b8a86a3a0a1a5836a6aaa088a16c1d11344ee0144e516dd1474921b4451dc0e0e074f47c15b1c047510444407e11427411741bd07d0451fc3e5ff7ce65feeedcb5f09ba4fb7f6cffda3e7a56eadf4853ccf8c5b69b9faf11d9abd679f3b37e2fe6a197525eb226cc636ca3a2f000000000000000000000000000000000000000000000080b3536dedb84b4da46bdd68174b8991508b0c7b4eb76c4cbdc9bb57ed212e0cd4df8373d914b7fd8652f8fc0f9c020000ffffa0f7328c',
    text: [16384, '01e521a53fd4905219ac08b197b8bef1c0fb80e9537fea57536bc5c8c7fc0f898e329071a7e8e24290baca975dadd1c8d2ca46dbe1a2250b77cba659c6faec71'],
  },
]

/** Hexadecimal digits as bytes. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => Number.parseInt(text.slice(index * 2, index * 2 + 2), 16))
}

/** Bytes as hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The message of a vector. */
export async function messageOf({ message }: Vector): Promise<Uint8Array<ArrayBuffer>> {
  const inflated = new Blob([fromHex(message)]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(inflated).arrayBuffer())
}
