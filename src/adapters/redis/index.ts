/**
 * Redis and Valkey: limits and state that several processes share.
 *
 * @module sallyport/redis
 */

export { type RedisState, type RedisStateOptions, redisState } from './redis-state.ts'
export type { IoredisClient, NodeRedisClient, NodeRedisCluster, NodeRedisNode, RedisClient } from './redis-client.ts'
export type { IoredisSubscriber, NodeRedisSubscriber, RedisSubscriber } from './redis-subscriber.ts'
export { redisLimits, type RedisLimitsOptions } from './redis-limits.ts'
