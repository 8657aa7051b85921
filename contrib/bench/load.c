/* The client of the benchmark: one kind of load a call, on librdkafka, so that what is measured is the broker.
 *
 *   load create  HOST:PORT TOPIC PARTITIONS
 *   load produce HOST:PORT TOPIC RECORDS BYTES LINGER_MS BATCH_RECORDS   acks=1, prints seconds
 *   load consume HOST:PORT TOPIC RECORDS                                 from the beginning, prints seconds
 *   load sync    HOST:PORT TOPIC RECORDS BYTES                           acks=all, one at a time, prints p50 and p99 in us
 *   load spread  HOST:PORT TOPIC PARTITIONS ROUNDS                       acks=all, one record to each, prints the p50 in ms
 *
 * With a CA's file in the environment's LOAD_CA connections are made with TLS.
 *
 * Every call ends within TIME_LIMIT_SECONDS, whatever the broker does.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TIME_LIMIT_SECONDS = 120, OPERATION_MS = 60000, MESSAGES_AT_ONCE = 1000 };

static long delivered, refused;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what, const char *why) {
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque) {
    (void)kafka, (void)opaque;
    message->err ? refused++ : delivered++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char error[512];
    const char *authority = getenv("LOAD_CA");
    if (authority) {
        set(conf, "security.protocol", "ssl");
        set(conf, "ssl.ca.location", authority);
    }
    rd_kafka_t *kafka = rd_kafka_new(type, conf, error, sizeof error);
    if (!kafka) die("client", error);
    return kafka;
}

static rd_kafka_t *producer(const char *servers, const char *acks, const char *linger_ms, const char *batch_records, int reports) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "acks", acks);
    set(conf, "linger.ms", linger_ms);
    set(conf, "batch.num.messages", batch_records);
    set(conf, "queue.buffering.max.messages", "200000");
    set(conf, "queue.buffering.max.kbytes", "262144");
    set(conf, "delivery.report.only.error", reports ? "false" : "true");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return client(RD_KAFKA_PRODUCER, conf);
}

/* The number of partitions, by which the connections are made and the leaders known before the clock starts. */
static int partitions_of(rd_kafka_t *kafka, rd_kafka_topic_t *topic) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(kafka, 0, topic, &metadata, OPERATION_MS);
    if (error) die("metadata", rd_kafka_err2str(error));
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static void send_one(rd_kafka_t *kafka, rd_kafka_topic_t *topic, int partition, char *value, size_t size) {
    while (rd_kafka_produce(topic, partition, 0, value, size, NULL, 0, NULL)) {
        rd_kafka_resp_err_t error = rd_kafka_last_error();
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("produce", rd_kafka_err2str(error));
        rd_kafka_poll(kafka, 1);
    }
}

static void create(const char *servers, const char *topic, int partitions) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, conf);
    char error[512];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, error, sizeof error);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_CreateTopics(kafka, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, OPERATION_MS);
    if (!event || rd_kafka_event_error(event)) die("create", event ? rd_kafka_event_error_string(event) : "no answer");
    size_t count;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (rd_kafka_topic_result_error(results[0])) die("create", rd_kafka_err2name(rd_kafka_topic_result_error(results[0])));
}

static void produce(const char *servers, const char *name, long records, int size, const char *linger_ms, const char *batch_records) {
    rd_kafka_t *kafka = producer(servers, "1", linger_ms, batch_records, 0);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    char *value = malloc(size);
    memset(value, 'x', size);
    partitions_of(kafka, topic);
    double began = now();
    for (long i = 0; i < records; i++) send_one(kafka, topic, RD_KAFKA_PARTITION_UA, value, size);
    rd_kafka_flush(kafka, OPERATION_MS);
    double took = now() - began;
    if (refused || rd_kafka_outq_len(kafka)) die("produce", "records were not acknowledged");
    printf("{\"seconds\": %.6f}\n", took);
}

static void consume(const char *servers, const char *name, long records) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "group.id", "bench");
    set(conf, "enable.auto.commit", "false");
    rd_kafka_t *kafka = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    int count = partitions_of(kafka, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    double began = now();
    rd_kafka_assign(kafka, list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(kafka);
    rd_kafka_message_t *messages[MESSAGES_AT_ONCE];
    long seen = 0;
    while (seen < records) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 100, messages, MESSAGES_AT_ONCE);
        for (ssize_t i = 0; i < got; i++) {
            if (!messages[i]->err) seen++;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    printf("{\"seconds\": %.6f}\n", now() - began);
    fflush(stdout);
    _exit(0);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void await(rd_kafka_t *kafka, long count) {
    while (delivered + refused < count) rd_kafka_poll(kafka, 1000);
    if (refused) die("produce", "a record was refused");
}

static void sync_(const char *servers, const char *name, long records, int size) {
    rd_kafka_t *kafka = producer(servers, "all", "0", "10000", 1);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    char *value = malloc(size);
    double *took = malloc(records * sizeof *took);
    memset(value, 'x', size);
    partitions_of(kafka, topic);
    send_one(kafka, topic, 0, value, size);
    await(kafka, 1);
    for (long i = 0; i < records; i++) {
        double began = now();
        send_one(kafka, topic, 0, value, size);
        await(kafka, i + 2);
        took[i] = (now() - began) * 1e6;
    }
    qsort(took, records, sizeof *took, by_size);
    printf("{\"p50_us\": %.1f, \"p99_us\": %.1f}\n", took[records / 2], took[records * 99 / 100]);
}

static void spread(const char *servers, const char *name, int partitions, int rounds) {
    rd_kafka_t *kafka = producer(servers, "all", "0", "10000", 1);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    double *took = malloc(rounds * sizeof *took);
    char value[100] = {0};
    partitions_of(kafka, topic);
    for (int round = -1; round < rounds; round++) { /* the first opens files on both sides, and is not counted */
        double began = now();
        for (int i = 0; i < partitions; i++) send_one(kafka, topic, i, value, sizeof value);
        await(kafka, (long)(round + 2) * partitions);
        if (round >= 0) took[round] = (now() - began) * 1e3;
    }
    qsort(took, rounds, sizeof *took, by_size);
    printf("{\"p50_ms\": %.2f}\n", took[rounds / 2]);
}

int main(int argc, char **argv) {
    alarm(TIME_LIMIT_SECONDS);
    if (argc == 5 && !strcmp(argv[1], "create")) create(argv[2], argv[3], atoi(argv[4]));
    else if (argc == 8 && !strcmp(argv[1], "produce")) produce(argv[2], argv[3], atol(argv[4]), atoi(argv[5]), argv[6], argv[7]);
    else if (argc == 5 && !strcmp(argv[1], "consume")) consume(argv[2], argv[3], atol(argv[4]));
    else if (argc == 6 && !strcmp(argv[1], "sync")) sync_(argv[2], argv[3], atol(argv[4]), atoi(argv[5]));
    else if (argc == 6 && !strcmp(argv[1], "spread")) spread(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
    else die("usage", "see the head of load.c");
    return 0;
}
